#include <fmt/format.h>

#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"
#include "bake/assets/assets.hpp"
#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {
namespace {

/// Returns the version that the loaded module must have; empty: any. Packages with sources do not state it, but the
/// module that DKMS built of them in the guest does.
std::string expected_version(const plan::Plan& plan, guest::Guest& guest) {
  const auto& expected = plan.expectations;
  if (!expected.module_version.empty() || expected.module_origin != "vendor") return expected.module_version;
  const auto result = guest.shell(fmt::format("modinfo -k {} -F version {} 2>/dev/null\n", shell_quote(plan.kernel()),
                                              shell_quote(expected.module)));
  const auto words = split_words(result.output);
  return result.ok() && words.size() == 1 ? words.front() : std::string();
}

}  // namespace

void install_firstboot(const plan::Plan& plan, guest::Guest& guest) {
  if (!plan.install_firstboot) return;
  write_own_file(guest, plan::path::firstboot, assets::firstboot(), 0755);
  guest.set_mode(plan::path::firstboot, 0755);
  write_own_file(guest, plan::path::firstboot_unit, assets::firstboot_unit());
  if (plan.firstboot_late) write_own_file(guest, plan::path::firstboot_late_unit, assets::firstboot_late_unit());
  write_own_file(guest, plan::path::firstboot_target, assets::ready_target());
  write_own_file(guest, plan::path::firstboot_preset, assets::firstboot_preset());
  write_own_file(
      guest, plan::path::firstboot_conf,
      fmt::format("# The driver of this image; ib-firstboot compares the started VM with it.\n"
                  "OS={}-{}\nOFED={}\nMODULE={}\nMODULE_VERSION={}\nWAIT={}\n{}",
                  plan.os.id, plan.os.version, plan.ofed, plan.expectations.module, expected_version(plan, guest),
                  plan.firstboot_wait, plan.firstboot_strict_rate ? "STRICT_RATE=1\n" : ""));
}

}  // namespace bake::apply
