#include <fmt/format.h>

#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/config_text.hpp"
#include "bake/guest/shell.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {
namespace {

/// Drivers of the card. The root disk is on hv_storvsc or nvme, so the initramfs needs none of them; dracut 049 would
/// pack the vendor's module and the kernel's own.
constexpr const char* card_drivers = "mlx4_core mlx4_en mlx4_ib mlx5_core mlx5_ib mlxfw";

void run_dracut(const plan::Plan& plan, guest::Guest& guest) {
  // dracut leaves these drivers out when it does not run on Hyper-V.
  const auto drivers = join(plan.initramfs_drivers, " ");
  // Host-only mode would describe the appliance: its disks, its modules, its root= line.
  guest::run(
      guest, fmt::format("building initramfs '{}'", plan.initramfs),
      fmt::format("dracut --force --no-hostonly --no-hostonly-cmdline {} {} {} {}\n",
                  drivers.empty() ? "" : fmt::format("--add-drivers {}", shell_quote(drivers)),
                  plan::replaces_modules(plan.fit) ? fmt::format("--omit-drivers {}", shell_quote(card_drivers)) : "",
                  shell_quote(plan.initramfs), shell_quote(plan.kernel())));
}

void run_update_initramfs(const plan::Plan& plan, guest::Guest& guest) {
  constexpr const char* modules_file = plan::path::initramfs_modules;
  auto text = guest.read(modules_file, guest::config_limit).value_or("");
  for (const auto& module : plan.initramfs_drivers) text = guest::with_line(text, module);
  if (!text.empty()) write_config_file(guest, modules_file, text);
  // On old releases -c refuses an existing image; on all releases -u refuses a missing one.
  guest::run(guest, fmt::format("building initramfs '{}'", plan.initramfs),
             fmt::format("if [ -e {0} ]; then update-initramfs -u -k {1}; else update-initramfs -c -k {1}; fi\n",
                         shell_quote(plan.initramfs), shell_quote(plan.kernel())));
}

}  // namespace

void rebuild_initramfs(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  if (!plan.rebuild_initramfs) return;
  progress.step("rebuild initramfs");
  if (plan.initramfs_tool == guest::InitramfsTool::dracut)
    run_dracut(plan, guest);
  else
    run_update_initramfs(plan, guest);
}

}  // namespace bake::apply
