#include "bake/apply/apply.hpp"

#include "bake/apply/packages.hpp"
#include "bake/apply/shell.hpp"
#include "bake/apply/steps.hpp"

namespace bake::apply {
namespace {

void mount_payloads(const plan::Plan& plan, guest::Guest& guest, bool extra_payload) {
  std::size_t index = 0;
  if (plan.bundle) guest.mount_payload(index++, payload_mounts[0]);
  if (extra_payload) guest.mount_payload(index, payload_mounts[1]);
}

void unmount_payloads(const plan::Plan& plan, guest::Guest& guest, bool extra_payload) {
  const auto unmount = [&guest](const char* mount_point) {
    guest.unmount_payload(mount_point);
    guest.remove(mount_point);
  };
  if (plan.bundle) unmount(payload_mounts[0]);
  if (extra_payload) unmount(payload_mounts[1]);
}

}  // namespace

void apply(const plan::Plan& plan, guest::Guest& guest, const std::string& manifest, bool extra_payload,
           Progress& progress) {
  progress.step("change packages");
  mount_payloads(plan, guest, extra_payload);
  if (plan.family == guest::Family::rpm)
    change_rpm_packages(plan, guest);
  else
    change_deb_packages(plan, guest);
  unmount_payloads(plan, guest, extra_payload);
  place_modules(plan, guest, progress);
  progress.step("configure");
  configure_ofed(plan, guest);
  install_firstboot(plan, guest);
  set_services(plan, guest);
  configure_system(plan, guest);
  guest.write("/etc/bake-manifest.json", manifest);
  rebuild_initramfs(plan, guest, progress);
  generalize(plan, guest, progress);
  label_files(plan, guest, progress);
}

}  // namespace bake::apply
