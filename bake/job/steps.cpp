#include "bake/job/steps.hpp"

#include "bake/apply/apply.hpp"

namespace bake::job {
namespace {

using Names = std::vector<std::string>;

void append(Names& names, const Names& more) { names.insert(names.end(), more.begin(), more.end()); }

/// The steps from the last change on.
const Names& last_steps() {
  static const Names names{"search the image for setuid files and keys",
                           "verify",
                           "record the packages and the files",
                           "trim and shut down",
                           "write the VHD footer",
                           "hash the output",
                           "done"};
  return names;
}

}  // namespace

std::string guest_kind(const recipe::Os& os) { return os.id + " " + os.version; }

Names steps_of_bake(const recipe::Recipe& recipe) {
  Names names{"copying",
              "start the appliance",
              "inspect",
              "check the digests of the base and the payloads",
              "search the base for setuid files and keys",
              "plan"};
  if (recipe.change_kernel)
    append(names, {"install kernel", "build its initramfs", "make it the default", "inspect", "plan"});
  append(names, {"change packages", "depmod", "configure"});
  if (!recipe.customize.empty()) names.emplace_back("customize");
  if (recipe.secure_boot && !recipe.secure_boot->sign_with.empty()) names.emplace_back("sign modules");
  names.emplace_back("edit initramfs");
  if (recipe.generalize) names.emplace_back("generalize");
  if (recipe.os.id != "ubuntu") names.emplace_back("label files");
  append(names, last_steps());
  return names;
}

Names steps_after_plan(const plan::Plan& plan) {
  auto names = apply::steps_of(plan);
  append(names, last_steps());
  return names;
}

}  // namespace bake::job
