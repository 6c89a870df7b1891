#include "bake/job/kernel.hpp"

#include <fmt/format.h>

#include "bake/apply/kernel.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/disk/overlay.hpp"
#include "bake/job/known_digest.hpp"
#include "bake/job/plan.hpp"
#include "bake/resolve/kernel_packages.hpp"
#include "bake/resolve/vm_generation.hpp"

namespace bake::job {
namespace {

/// Names the facts in the cache: everything that they depend on, besides the base.
std::string facts_kind(const plan::KernelPlan& plan, const resolve::SelectedDriver& driver) {
  auto text = plan.release + "\n";
  for (const auto& change : plan.changes)
    text += fmt::format("{} {} {} {}\n", change.name, change.version, change.payload, change.file);
  for (const auto& extras : driver.extras) text += extras.payload_sha256 + "\n";
  return "facts-" + digest_of(text);
}

}  // namespace

std::optional<plan::KernelPlan> plan_kernel(const recipe::Recipe& recipe, const resolve::SelectedDriver& driver,
                                            const guest::Facts& facts, const Environment& environment) {
  if (!recipe.change_kernel) return std::nullopt;
  return plan::plan_kernel(recipe, facts, driver,
                           resolve::kernel_packages(recipe.kernel, driver, facts, index_texts(driver)),
                           resolve::vm_generations(recipe, environment.matrix));
}

guest::Facts change_kernel(const plan::KernelPlan& plan, Session& session, Progress& progress) {
  apply::change_kernel(plan, session.guest(), progress);
  progress.step("inspect");
  auto facts = session.inspect();
  if (facts.default_kernel != plan.release)
    throw Error(ErrorKind::verification,
                fmt::format("making {} the default: GRUB boots {} ({})", plan.release,
                            facts.default_kernel.empty() ? "no kernel of the image" : facts.default_kernel,
                            facts.default_kernel_how),
                "make the kernel the default in the base image");
  if (const auto& second = facts.second_menu; second && plan.vm_generations.contains(second->generation))
    throw Error(ErrorKind::verification,
                fmt::format("making {} the default: VMs of generation {} read {}, and it {}", plan.release,
                            second->generation, second->path, second->outcome),
                "make the kernel the default in the base image");
  const auto& options = facts.default_kernel_options;
  if (!plan.previous_options.empty() && options != replace_all(plan.previous_options, plan.previous, plan.release))
    progress.warn(fmt::format("the command line of {} is '{}', that of {} was '{}'", plan.release, printable(options),
                              plan.previous, printable(plan.previous_options)));
  return facts;
}

guest::Facts facts_after(const plan::KernelPlan& plan, const SourceDisk& source, const resolve::SelectedDriver& driver,
                         Environment& environment) {
  return cached_facts(facts_kind(plan, driver), source, environment, [&] {
    // A bake checks them in the background; here nothing else takes as long.
    for (const auto& extras : driver.extras)
      check_payload(extras.name, digest_of_file(extras.payload()), extras.payload_sha256);
    const TemporaryDirectory scratch;
    const auto disk = make_scratch_disk(source, scratch.path(), environment.progress);
    environment.progress.step("start the appliance");
    const auto session =
        environment.open_session({disk.path, disk.format, source.path, driver.payloads(), /*compiles=*/true});
    return change_kernel(plan, *session, environment.progress);
  });
}

}  // namespace bake::job
