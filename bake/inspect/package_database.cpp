#include "bake/inspect/package_database.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

/// dpkg's status file is a few MB on an HPC image; a guest is hostile input, so there is a limit.
constexpr std::size_t dump_limit = std::size_t{32} << 20U;
constexpr std::size_t trouble_limit = 2000;
constexpr std::size_t max_unfinished = 100;
constexpr std::size_t max_packages = 50'000;  // a full installation of EL8 has 3,000

constexpr std::string_view no_value = "(none)";
/// Separates the output of rpm from the status that the script prints.
constexpr std::string_view trailer = "\n#status ";

std::string dependency_format(char letter, std::string_view tag) {
  return fmt::format("[{} %{{{}NAME}}\\t%{{{}FLAGS}}\\t%{{{}VERSION}}\\n]", letter, tag, tag, tag);
}

/// Splits off the text before the first tab.
std::string_view take_field(std::string_view& line) {
  const auto tab = line.find('\t');
  const auto field = line.substr(0, tab);
  line = tab == std::string_view::npos ? std::string_view{} : line.substr(tab + 1);
  return field;
}

/// "P" line: name, epoch, version, release, architecture.
InstalledPackage parse_package(std::string_view line) {
  InstalledPackage package;
  package.name = take_field(line);
  const auto epoch = take_field(line);
  if (!epoch.empty() && epoch != "0" && epoch != no_value) package.version = std::string(epoch) + ":";
  package.version += take_field(line);
  package.version += "-";
  package.version += take_field(line);
  package.arch = take_field(line);
  return package;
}

struct DpkgParagraph {
  std::string package, status, version, architecture;
};

/// Calls `use` with every paragraph of a dpkg status file that names a package.
template <class Use>
void for_each_paragraph(std::string_view status, Use use) {
  DpkgParagraph paragraph;
  const auto finish = [&] {
    if (!paragraph.package.empty()) use(paragraph);
    paragraph = {};
  };
  for (const auto line : each_line(status)) {
    if (trim(line).empty()) finish();
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || line.front() == ' ' || line.front() == '\t') continue;
    const auto key = line.substr(0, colon);
    const auto value = [&] { return trim(line.substr(colon + 1)); };
    if (key == "Package") paragraph.package = value();
    if (key == "Status") paragraph.status = value();
    if (key == "Version") paragraph.version = value();
    if (key == "Architecture") paragraph.architecture = value();
  }
  finish();
}

/// The third word of "Status: want flag state".
std::string state_of(const DpkgParagraph& paragraph) {
  const auto words = split_words(paragraph.status);
  return words.size() == 3 ? words[2] : std::string("unknown");
}

bool is_usable_state(std::string_view state) {
  return state == "installed" || state == "triggers-pending" || state == "triggers-awaited";
}

/// Runs `script`, whose slow part is `program`. Programs of a guest for another processor cannot run here; bake can
/// still read its files, and the plan rejects it. A program that does not end says nothing about the database, so that
/// is an error.
ShellResult ask(Guest& guest, std::string_view program, const std::string& script) {
  try {
    return guest.shell(script);
  } catch (const ShellNotStarted& error) {
    return {126, error.message()};
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    throw Error(error.kind(), fmt::format("asking '{}' of the guest: {}", program, error.message()), error.hint(),
                error.remedies());
  }
}

std::string shorten(std::string text) {
  if (text.size() > trouble_limit) text = text.substr(0, trouble_limit) + " …";
  return text;
}

PackageDatabase read_dpkg(Guest& guest) {
  PackageDatabase database;
  database.format = "dpkg";
  auto status = guest.read("/var/lib/dpkg/status", dump_limit);
  if (!status)
    throw Error(ErrorKind::failed, "reading '/var/lib/dpkg/status' in the guest: there is no such file",
                "the guest's package database is missing; bake needs an image with a package database");
  database.packages = installed_of_dpkg_status(*status);
  database.trouble = join(unfinished_of_dpkg_status(*status), "\n");
  // Only checks whether dpkg can read its database: the output also names packages without md5sums, which are harmless.
  if (const auto audit = ask(guest, "dpkg --audit", "dpkg --audit"); !audit.ok()) {
    const auto text = trim(audit.output);
    database.trouble +=
        fmt::format("{}{}", database.trouble.empty() ? "" : "\n", text.empty() ? "dpkg --audit failed" : text);
  }
  database.trouble = shorten(std::move(database.trouble));
  database.dump = std::move(*status);
  return database;
}

/// Ignores warnings ("warning: … missing index"); errors and a failing rpm count.
std::string rpm_trouble(int status, std::string_view messages) {
  std::string errors;
  for (const auto line : each_line(messages))
    if ((status != 0 || line.starts_with("error:")) && errors.size() <= trouble_limit)
      errors.append(errors.empty() ? "" : "\n").append(line);
  if (status != 0 && errors.empty()) errors = fmt::format("rpm -qa ended with status {}", status);
  return shorten(std::move(errors));
}

PackageDatabase read_rpm(Guest& guest, const DatabasePlace& place) {
  PackageDatabase database;
  database.format = place.format;
  auto result = ask(guest, "rpm -qa", rpm_dump_query());
  // The trailer is the last output of the script, and no line of rpm begins like it.
  auto end = result.output.rfind(trailer);
  if (end == std::string::npos) {
    database.trouble = shorten(fmt::format("asking the guest's rpm failed: {}", trim(result.output)));
    return database;
  }
  const auto report = std::string_view(result.output).substr(end + trailer.size());
  const auto newline = std::min(report.find('\n'), report.size());
  const int status = report.substr(0, newline) == "0" ? 0 : 1;
  database.trouble = rpm_trouble(status, trim(report.substr(newline)));
  result.output.resize(end);
  database.dump = std::move(result.output) + (status == 0 ? "E\n" : "");
  database.packages = installed_of_rpm_dump(database.dump);
  return database;
}

}  // namespace

std::string rpm_dump_format() {
  // The tags of rpm 4.11 (EL7); newer versions also have weak dependencies, which a closure does not need.
  return "P %{NAME}\\t%{EPOCH}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\n" + dependency_format('v', "PROVIDE") +
         dependency_format('r', "REQUIRE") + dependency_format('o', "OBSOLETE") + dependency_format('c', "CONFLICT") +
         "[f %{FILENAMES}\\n]";
}

std::string rpm_dump_query() {
  // Standard error is separate from the output. The script removes a Berkeley DB environment that this query created.
  return "d=/var/lib/rpm; ls $d/__db.* >/dev/null 2>&1 && had=1 || had=0\n"
         "exec 3>&1\n"
         "errors=$(rpm -qa --queryformat " +
         shell_quote(rpm_dump_format()) +
         " 2>&1 >&3 3>&-)\n"
         "status=$?\n"
         "[ $had = 1 ] || rm -f $d/__db.0*\n"
         "printf '\\n#status %s\\n%s\\n' \"$status\" \"$errors\"\n";
}

namespace {

void add(InstalledPackage package, std::vector<InstalledPackage>& packages) {
  if (packages.size() == max_packages)
    throw Error(ErrorKind::failed,
                fmt::format("reading the package database: it has more than {} packages", max_packages),
                "no working system has so many; look at it in the image");
  packages.push_back(std::move(package));
}

}  // namespace

std::vector<InstalledPackage> installed_of_rpm_dump(std::string_view dump) {
  std::vector<InstalledPackage> packages;
  for (const auto line : each_line(dump)) {
    if (!line.starts_with("P ")) continue;
    auto package = parse_package(line.substr(2));
    if (package.name != "gpg-pubkey" && !package.name.empty()) add(std::move(package), packages);
  }
  std::sort(packages.begin(), packages.end());
  return packages;
}

std::vector<InstalledPackage> installed_of_dpkg_status(std::string_view status) {
  std::vector<InstalledPackage> packages;
  for_each_paragraph(status, [&](const DpkgParagraph& paragraph) {
    if (is_usable_state(state_of(paragraph)))
      add({paragraph.package, paragraph.version, paragraph.architecture}, packages);
  });
  std::sort(packages.begin(), packages.end());
  return packages;
}

std::vector<std::string> unfinished_of_dpkg_status(std::string_view status) {
  std::vector<std::string> unfinished;
  for_each_paragraph(status, [&](const DpkgParagraph& paragraph) {
    const auto state = state_of(paragraph);
    const bool rest = is_usable_state(state) || state == "not-installed" || state == "config-files";
    if (unfinished.size() == max_unfinished) return;
    if (!rest || paragraph.status.find("reinstreq") != std::string::npos)
      unfinished.push_back(paragraph.package + ": " + (rest ? "must be reinstalled" : state));
  });
  return unfinished;
}

DatabasePlace find_database(Guest& guest, Family family) {
  if (family == Family::deb)
    return guest.exists("/var/lib/dpkg/status") ? DatabasePlace{"dpkg", "/var/lib/dpkg"} : DatabasePlace{};
  // rpm names the file after the backend: Packages (Berkeley DB), rpmdb.sqlite, Packages.db (ndb). After a conversion
  // the old file may still exist, so the newer formats come first.
  for (const auto* directory : {"/var/lib/rpm", "/usr/lib/sysimage/rpm"}) {
    const auto names = guest.list(directory);
    const auto has = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
    if (has("rpmdb.sqlite")) return {"rpm-sqlite", directory};
    if (has("Packages.db")) return {"rpm-ndb", directory};
    if (has("Packages")) return {"rpm-bdb", directory};
  }
  return {};
}

PackageDatabase read_package_database(Guest& guest, Family family) {
  if (family == Family::deb) return read_dpkg(guest);
  const auto place = find_database(guest, family);
  if (place.format.empty())
    throw Error(ErrorKind::failed, "looking for the guest's package database: no rpm database in /var/lib/rpm",
                "bake needs an image with a package database");
  return read_rpm(guest, place);
}

}  // namespace bake::guest
