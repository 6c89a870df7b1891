#include "bake/inspect/package_details.hpp"

#include <algorithm>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

constexpr std::string_view no_value = "(none)";
constexpr std::size_t max_licence = 1000;  // the longest one of RHEL 9 (perl) has 150 characters
constexpr std::size_t max_packages = 50'000;

bool is_digest(std::string_view text) {
  return (text.size() == 64 || text.size() == 40) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string licence_of(std::string_view text) {
  text = trim(text);
  return text == no_value ? std::string() : printable(text.substr(0, max_licence));
}

}  // namespace

std::string rpm_details_query() {
  // rpm 4.11 (EL7) does not know SHA256HEADER, and refuses a format with an unknown tag. The script removes a Berkeley
  // DB environment that this query created.
  return "d=/var/lib/rpm; ls $d/__db.* >/dev/null 2>&1 && had=1 || had=0\n"
         "digest=SHA1HEADER\n"
         "rpm --querytags 2>/dev/null | grep -x SHA256HEADER >/dev/null && digest=SHA256HEADER\n"
         R"(rpm -qa --queryformat '%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{'$digest'}\t%{LICENSE}\n')"
         " 2>/dev/null\n"
         "status=$?\n"
         "[ $had = 1 ] || rm -f $d/__db.0*\n"
         "exit $status\n";
}

DetailsOfPackages details_of_rpm_output(std::string_view output) {
  constexpr std::size_t digest_field = 5;
  constexpr std::size_t licence_field = 6;
  DetailsOfPackages details;
  for (const auto line : each_line(output)) {
    const auto fields = split(line, '\t');
    if (fields.size() <= licence_field || fields[0].empty() || fields[0] == "gpg-pubkey") continue;
    if (details.size() == max_packages) break;
    InstalledPackage package{fields[0], fields[2] + "-" + fields[3], fields[4]};
    if (!fields[1].empty() && fields[1] != "0" && fields[1] != no_value) package.version.insert(0, fields[1] + ":");
    details[package] = {licence_of(join({fields.begin() + licence_field, fields.end()}, " ")),
                        is_digest(fields[digest_field]) ? fields[digest_field] : std::string()};
  }
  return details;
}

DetailsOfPackages read_package_details(Guest& guest, Family family) try {
  if (family == Family::deb) return {};
  const auto result = guest.shell(rpm_details_query());
  return result.ok() ? details_of_rpm_output(result.output) : DetailsOfPackages();
} catch (const ShellNotStarted&) {
  return {};
}

}  // namespace bake::guest
