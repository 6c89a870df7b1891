#include "bake/guest/config_link.hpp"

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
  const auto target = guest.read_link(path);
  if (!target) return std::nullopt;
  const auto place = target->starts_with('/') ? *target : join_path(parent_of(path), *target);
  return ConfigLink{path, *target, may_lead_to(path, *target, place) && !guest.read_link(place)};
}

const std::vector<std::string>& edited_config_files() {
  static const std::vector<std::string> files{"/etc/waagent.conf", "/etc/yum.conf", "/etc/dnf/dnf.conf",
                                              "/etc/infiniband/openib.conf", "/etc/initramfs-tools/modules"};
  return files;
}

}  // namespace bake::guest
