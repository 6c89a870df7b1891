#include "bake/apply/apply.hpp"

#include "bake/apply/deferred.hpp"
#include "bake/apply/guest_files.hpp"
#include "bake/apply/packages.hpp"
#include "bake/apply/payloads.hpp"
#include "bake/apply/steps.hpp"
#include "bake/guest/facts.hpp"

namespace bake::apply {
Applied apply(const plan::Plan& plan, guest::Guest& guest, const std::string& manifest, Progress& progress) {
  progress.step("change packages");
  Payloads payloads(plan.bundle.has_value(), plan.extra_payloads, guest);
  if (plan.family == guest::Family::rpm)
    change_rpm_packages(plan.changes, deferred_tools(plan), guest);
  else
    change_deb_packages(plan.changes, deferred_tools(plan), guest);
  auto build_log = place_modules(plan, guest, progress);
  payloads.unmount();
  progress.step("configure");
  configure_ofed(plan, guest);
  install_firstboot(plan, guest);
  write_option_files(plan, guest);
  customize(plan, guest, progress);
  set_services(plan, guest);
  mask_services(plan, guest);
  configure_system(plan, guest);
  run_scripts(plan, guest, progress);
  write_own_file(guest, guest::manifest_path, manifest);
  const bool built = change_initramfs(plan, guest, progress);
  generalize(plan, guest, progress);
  label_files(plan, guest, progress);
  return {built, std::move(build_log)};
}

}  // namespace bake::apply
