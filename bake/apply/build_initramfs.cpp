#include "bake/apply/build_initramfs.hpp"

#include <fmt/format.h>

#include "bake/apply/guest_files.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/config_text.hpp"
#include "bake/guest/shell.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {
namespace {

/// Drivers of the card. The root disk is on hv_storvsc or nvme, so the initramfs needs none of them; dracut 049 would
/// pack the vendor's module and the kernel's own.
constexpr const char* card_drivers = "mlx4_core mlx4_en mlx4_ib mlx5_core mlx5_ib mlxfw";

void run_dracut(const InitramfsBuild& build, guest::Guest& guest) {
  // dracut leaves these drivers out when it does not run on Hyper-V.
  const auto drivers = join(build.drivers, " ");
  // Host-only mode would describe the appliance: its disks, its modules, its root= line.
  guest::run(guest, fmt::format("building initramfs '{}'", build.path),
             fmt::format("dracut --force --no-hostonly --no-hostonly-cmdline {} {} {} {}\n",
                         drivers.empty() ? "" : fmt::format("--add-drivers {}", shell_quote(drivers)),
                         build.without_card_drivers ? fmt::format("--omit-drivers {}", shell_quote(card_drivers)) : "",
                         shell_quote(build.path), shell_quote(build.kernel)));
}

void run_update_initramfs(const InitramfsBuild& build, guest::Guest& guest) {
  // On old releases -c refuses an existing image; on all releases -u refuses a missing one.
  guest::run(guest, fmt::format("building initramfs '{}'", build.path),
             fmt::format("if [ -e {0} ]; then update-initramfs -u -k {1}; else update-initramfs -c -k {1}; fi\n",
                         shell_quote(build.path), shell_quote(build.kernel)));
}

}  // namespace

void list_initramfs_drivers(const std::vector<std::string>& drivers, guest::Guest& guest) {
  constexpr const char* modules_file = plan::path::initramfs_modules;
  auto text = guest.read(modules_file, guest::config_limit).value_or("");
  for (const auto& module : drivers) text = guest::with_line(text, module);
  if (!text.empty()) write_config_file(guest, modules_file, text);
}

void build_initramfs(const InitramfsBuild& build, guest::Guest& guest) {
  if (build.tool == guest::InitramfsTool::dracut)
    run_dracut(build, guest);
  else
    run_update_initramfs(build, guest);
}

}  // namespace bake::apply
