#include "bake/apply/apply.hpp"

#include "bake/apply/guest_files.hpp"
#include "bake/apply/packages.hpp"
#include "bake/apply/steps.hpp"
#include "bake/guest/facts.hpp"
#include "bake/guest/shell.hpp"

namespace bake::apply {
namespace {

/// Returns the numbers of the payload disks: 0 for the bundle, from 1 for the extra packages.
std::vector<std::size_t> payload_numbers(const plan::Plan& plan) {
  std::vector<std::size_t> numbers;
  if (plan.bundle) numbers.push_back(0);
  for (std::size_t i = 1; i <= plan.extra_payloads; ++i) numbers.push_back(i);
  return numbers;
}

void mount_payloads(const plan::Plan& plan, guest::Guest& guest) {
  std::size_t drive = 0;
  for (const auto number : payload_numbers(plan)) guest.mount_payload(drive++, payload_mount(number));
}

void unmount_payloads(const plan::Plan& plan, guest::Guest& guest) {
  for (const auto number : payload_numbers(plan)) {
    guest.unmount_payload(payload_mount(number));
    guest.remove(payload_mount(number));
  }
}

}  // namespace

std::string payload_mount(std::size_t number) { return "/.bake-payload-" + std::to_string(number); }

Applied apply(const plan::Plan& plan, guest::Guest& guest, const std::string& manifest, Progress& progress) {
  progress.step("change packages");
  mount_payloads(plan, guest);
  if (plan.family == guest::Family::rpm)
    change_rpm_packages(plan, guest);
  else
    change_deb_packages(plan, guest);
  unmount_payloads(plan, guest);
  auto build_log = place_modules(plan, guest, progress);
  progress.step("configure");
  configure_ofed(plan, guest);
  install_firstboot(plan, guest);
  write_option_files(plan, guest);
  set_services(plan, guest);
  configure_system(plan, guest);
  write_own_file(guest, guest::manifest_path, manifest);
  const bool built = change_initramfs(plan, guest, progress);
  generalize(plan, guest, progress);
  label_files(plan, guest, progress);
  return {built, std::move(build_log)};
}

}  // namespace bake::apply
