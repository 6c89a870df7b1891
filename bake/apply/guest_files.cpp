#include "bake/apply/guest_files.hpp"

#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/guest/path.hpp"

namespace bake::apply {
namespace {

bool is_package_manager_config(const std::string& name) { return name == "yum.conf" || name == "dnf.conf"; }

/// Returns whether a link at `path` may lead to `target`, which is `place` (/etc/yum.conf → dnf/dnf.conf on EL 8).
bool may_lead_to(const std::string& path, const std::string& target, const std::string& place) {
  const bool climbs = target.find("..") != std::string::npos;
  const auto from = guest::base_name_of(path);
  const auto to = guest::base_name_of(target);
  const bool same = from == to || (is_package_manager_config(from) && is_package_manager_config(to));
  return !climbs && same && guest::is_below(place, "/etc");
}

}  // namespace

void write_own_file(guest::Guest& guest, const std::string& path, std::string_view content, unsigned mode) {
  const auto found = guest.stat(path);
  if (found && found->type != guest::FileType::directory) guest.remove(path);
  guest.write(path, content, mode);
}

void write_config_file(guest::Guest& guest, const std::string& path, std::string_view content) {
  if (const auto target = guest.read_link(path)) {
    const auto place = target->starts_with('/') ? *target : guest::join_path(guest::parent_of(path), *target);
    if (!may_lead_to(path, *target, place) || guest.read_link(place))
      throw Error(ErrorKind::incompatible,
                  fmt::format("changing '{}' in the guest: it is a link to '{}'", path, printable(*target)),
                  "replace the link with a file in the base");
  }
  guest.write(path, content);
}

}  // namespace bake::apply
