#include "bake/apply/apply.hpp"

#include "bake/apply/deferred.hpp"
#include "bake/apply/guest_files.hpp"
#include "bake/apply/packages.hpp"
#include "bake/apply/payloads.hpp"
#include "bake/apply/steps.hpp"
#include "bake/guest/facts.hpp"

namespace bake::apply {

std::vector<std::string> steps_of(const plan::Plan& plan) {
  std::vector<std::string> names{"change packages"};
  if (plan.fit.kind == resolve::FitKind::needs_build)
    names.emplace_back(plan.built_modules ? "install built modules" : "build modules");
  names.insert(names.end(), {"depmod", "configure"});
  if (!plan.customization.empty()) names.emplace_back("customize");
  for (const auto& script : plan.customization.run) names.push_back("run " + script.name);
  if (plan.secure_boot && plan.secure_boot->signs) names.emplace_back("sign modules");
  if (plan.rebuild_initramfs) names.emplace_back(plan.edits_initramfs() ? "edit initramfs" : "rebuild initramfs");
  if (plan.generalize) names.emplace_back("generalize");
  if (plan.relabel != plan::Relabel::none) names.emplace_back("label files");
  return names;
}

Applied apply(const plan::Plan& plan, guest::Guest& guest, const std::string& manifest, Progress& progress,
              const signature::ModuleSigner* signer) {
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
  auto signed_modules = sign_modules(plan, guest, signer, progress);
  const bool built = change_initramfs(plan, guest, progress, signed_modules);
  generalize(plan, guest, progress);
  label_files(plan, guest, progress);
  return {built, std::move(build_log), std::move(signed_modules)};
}

}  // namespace bake::apply
