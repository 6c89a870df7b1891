#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <string_view>

#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/config_text.hpp"
#include "bake/guest/shell.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {
namespace {

constexpr const char* admin_units = "/etc/systemd/system";

std::optional<std::string> unit_path(guest::Guest& guest, const std::string& unit) {
  for (const auto* directory : {admin_units, "/usr/lib/systemd/system", "/lib/systemd/system"})
    if (auto path = fmt::format("{}/{}", directory, unit); guest.exists(path)) return path;
  return std::nullopt;
}

/// Makes the link and, as `systemctl enable` does, its missing directory.
void link_unit(guest::Guest& guest, const std::string& unit_file, const std::string& link) {
  guest.make_directories(link.substr(0, link.rfind('/')));
  guest.make_link(unit_file, link);
}

std::string stem(const std::string& unit) { return unit.substr(0, unit.rfind('.')); }

/// Enables a service that only has an init script, with the guest's own tool.
void enable_init_script(guest::Guest& guest, const std::string& name) {
  guest::run(guest, fmt::format("enabling init script '{}'", name),
             fmt::format("name={}\n"
                         "if command -v chkconfig >/dev/null; then chkconfig --add $name && chkconfig $name on\n"
                         "elif command -v update-rc.d >/dev/null; then update-rc.d $name defaults\n"
                         "else echo 'neither chkconfig nor update-rc.d in the guest'; exit 1; fi\n",
                         shell_quote(name)));
}

/// Returns whether systemd accepts the name (systemd.unit(5); src/basic/unit-name.c, unit_name_is_valid). Such a name
/// does not leave the directory that it is in.
bool is_unit_name(std::string_view name) {
  constexpr std::string_view valid = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.@\\-";
  constexpr std::array types{".service", ".socket", ".target", ".device", ".mount", ".automount",
                             ".swap",    ".timer",  ".path",   ".slice",  ".scope"};
  return name.find_first_not_of(valid) == std::string_view::npos &&
         std::any_of(types.begin(), types.end(),
                     [&](std::string_view type) { return name.ends_with(type) && name.size() > type.size(); });
}

/// Returns the names that `key` of [Install] lists. The base may contain the unit, so they are hostile input: bake
/// makes a link of each name, and replaces a file of that name.
std::vector<std::string> listed_units(const std::string& text, const char* key, const std::string& unit) {
  auto names = guest::install_values(text, key);
  for (const auto& name : names)
    if (!is_unit_name(name))
      throw Error(ErrorKind::failed,
                  fmt::format("enabling '{}': {}={} does not name a unit", unit, key, printable(name)),
                  "correct [Install] of the unit in the base");
  return names;
}

void enable(guest::Guest& guest, const std::string& unit) {
  const auto path = unit_path(guest, unit);
  if (!path) {
    if (guest.exists("/etc/init.d/" + stem(unit))) return enable_init_script(guest, stem(unit));
    throw Error(ErrorKind::failed, fmt::format("enabling '{}': the guest has no such unit", unit),
                "the installed packages do not ship it; try another profile");
  }
  const auto text = guest.read(*path).value_or("");
  auto wanted_by = listed_units(text, "WantedBy", unit);
  const auto required_by = listed_units(text, "RequiredBy", unit);
  const auto aliases = listed_units(text, "Alias", unit);
  if (wanted_by.empty() && required_by.empty()) wanted_by = {"multi-user.target"};
  for (const auto& target : wanted_by)
    link_unit(guest, *path, fmt::format("{}/{}.wants/{}", admin_units, target, unit));
  for (const auto& target : required_by)
    link_unit(guest, *path, fmt::format("{}/{}.requires/{}", admin_units, target, unit));
  for (const auto& alias : aliases)
    if (alias != unit) link_unit(guest, *path, fmt::format("{}/{}", admin_units, alias));
}

/// Removes the links that start a unit or an init script at boot. deb-systemd-helper then treats the unit as disabled
/// by the administrator, and an update of the package does not enable it again (its was-enabled).
void disable(guest::Guest& guest, const std::string& unit) {
  guest::run(guest, fmt::format("disabling '{}'", unit),
             fmt::format("rm -f {0}/*.wants/{1} {0}/*.requires/{1}\n"
                         // Stop links remain, as after `update-rc.d disable`: without any link, the next update of the
                         // package would enable the script again (Debian's update-rc.d(8)).
                         "for link in /etc/rc[2-5].d/S[0-9][0-9]{2}; do\n"
                         "  [ ! -h \"$link\" ] || mv -f \"$link\" \"${{link%/*}}/K01{2}\"\n"
                         "done\n",
                         admin_units, unit, stem(unit)));
}

}  // namespace

void set_services(const plan::Plan& plan, guest::Guest& guest) {
  for (const auto& unit : plan.enable_services) enable(guest, unit);
  for (const auto& unit : plan.disable_services) disable(guest, unit);
  if (plan.openibd_after_udev)
    // Virtual functions appear while udev is still running, so openibd must wait for it (Azure/azhpc-images 981d6441).
    write_own_file(guest, plan::path::openibd_drop_in,
                   "[Unit]\nWants=systemd-udev-settle.service\nAfter=systemd-udev-settle.service\n");
}

}  // namespace bake::apply
