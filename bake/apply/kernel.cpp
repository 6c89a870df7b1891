#include "bake/apply/kernel.hpp"

#include <fmt/format.h>

#include "bake/apply/boot_entry.hpp"
#include "bake/apply/build_initramfs.hpp"
#include "bake/apply/deferred.hpp"
#include "bake/apply/guest_files.hpp"
#include "bake/apply/packages.hpp"
#include "bake/apply/payloads.hpp"
#include "bake/base/text.hpp"
#include "bake/boot/menu_entry_id.hpp"
#include "bake/guest/modules_dep.hpp"
#include "bake/guest/shell.hpp"
#include "bake/inspect/kernels.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {
namespace {

constexpr const char* grub_cfg = "/boot/grub/grub.cfg";

void install_kernel(const plan::KernelPlan& plan, guest::Guest& guest) {
  Payloads payloads(plan.bundle_payload, plan.extra_payloads, guest);
  const DeferredTools tools{plan.deferred, plan.release};
  if (plan.family == guest::Family::rpm)
    change_rpm_packages(plan.changes, tools, guest);
  else
    change_deb_packages(plan.changes, tools, guest);
  payloads.unmount();
}

/// Builds the initramfs with the drivers for Azure, and without those of the card, which the VM loads later.
void build_for(const plan::KernelPlan& plan, guest::Guest& guest) {
  const bool dracut = plan.initramfs_tool == guest::InitramfsTool::dracut;
  const auto modules_dep =
      guest.read(fmt::format("/lib/modules/{}/modules.dep", plan.release), guest::max_module_index);
  InitramfsBuild build{
      plan.initramfs_tool,
      dracut ? fmt::format("/boot/initramfs-{}.img", plan.release) : fmt::format("/boot/initrd.img-{}", plan.release),
      plan.release, guest::azure_drivers(modules_dep.value_or("")), true};
  if (!dracut) list_initramfs_drivers(build.drivers, guest);
  build_initramfs(build, guest);
}

/// grub-mkconfig also runs os-prober, which would find the system of the appliance.
void run_update_grub(const plan::KernelPlan& plan, guest::Guest& guest) {
  guest::run(guest, "writing the menu of GRUB", with_deferred_tools({{"os-prober"}, plan.release}, "update-grub"));
}

/// Names the kernel by the id of its entry, so that a kernel that is installed later does not become the default. The
/// id has to be read from the menu, because it has the UUID that grub-probe finds.
void set_default_of_mkconfig(const plan::KernelPlan& plan, guest::Guest& guest) {
  run_update_grub(plan, guest);
  const auto id = guest::menu_entry_id(guest.read(grub_cfg).value_or(""), plan.release);
  if (!id)
    throw Error(ErrorKind::failed,
                fmt::format("making {} the default: update-grub wrote no entry for it into {}", plan.release, grub_cfg),
                "see whether a script in /etc/grub.d of the base leaves it out");
  write_own_file(guest, plan::path::grub_default,
                 fmt::format("# Written by bake: the driver fits this kernel.\nGRUB_DEFAULT={}\n", shell_quote(*id)));
  run_update_grub(plan, guest);
}

}  // namespace

void change_kernel(const plan::KernelPlan& plan, guest::Guest& guest, Progress& progress) {
  if (!plan.changes.empty()) {
    progress.step(fmt::format("install kernel {}", plan.release));
    install_kernel(plan, guest);
    guest::run(guest, fmt::format("running depmod for {}", plan.release),
               fmt::format("depmod -a {}\n", shell_quote(plan.release)));
    progress.step("build its initramfs");
    build_for(plan, guest);
  }
  progress.step("make it the default");
  if (plan.family == guest::Family::deb) return set_default_of_mkconfig(plan, guest);
  set_default_entry({plan.release, plan.previous, !plan.changes.empty(), plan.bios}, guest);
}

}  // namespace bake::apply
