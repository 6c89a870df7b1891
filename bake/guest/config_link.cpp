#include "bake/guest/config_link.hpp"

#include "bake/base/printable.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

bool is_package_manager_config(const std::string& name) { return name == "yum.conf" || name == "dnf.conf"; }

/// Returns whether a link at `path` may lead to `target`, which is `place` (/etc/yum.conf → dnf/dnf.conf on EL 8).
bool may_lead_to(const std::string& path, const std::string& target, const std::string& place) {
  const bool climbs = target.find("..") != std::string::npos;
  const auto from = base_name_of(path);
  const auto to = base_name_of(target);
  const bool same = from == to || (is_package_manager_config(from) && is_package_manager_config(to));
  return !climbs && same && is_below(place, "/etc");
}

}  // namespace

std::optional<ConfigLink> find_config_link(Guest& guest, const std::string& path) {
  const auto stat = guest.stat(path);
  if (stat && stat->type == FileType::regular && stat->links > 1) return ConfigLink{path, {}, false};
  const auto target = guest.read_link(path);
  if (!target) return std::nullopt;
  const auto place = target->starts_with('/') ? *target : join_path(parent_of(path), *target);
  const auto at_place = guest.stat(place);
  const bool one_file = !at_place || (at_place->type != FileType::symlink && at_place->links == 1);
  return ConfigLink{path, *target, may_lead_to(path, *target, place) && one_file};
}

std::string description_of(const ConfigLink& link) {
  return link.target.empty() ? "the same file has other names (hard links)"
                             : "it is a link to '" + printable(link.target) + "'";
}

const std::vector<std::string>& edited_config_files() {
  static const std::vector<std::string> files{"/etc/waagent.conf", "/etc/yum.conf", "/etc/dnf/dnf.conf",
                                              "/etc/infiniband/openib.conf", "/etc/initramfs-tools/modules"};
  return files;
}

}  // namespace bake::guest
