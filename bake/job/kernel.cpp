#include "bake/job/kernel.hpp"

#include <fmt/format.h>

#include "bake/apply/kernel.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/disk/overlay.hpp"
#include "bake/guest/facts_cbor.hpp"
#include "bake/job/plan.hpp"
#include "bake/resolve/kernel_packages.hpp"

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
                                            const guest::Facts& facts) {
  if (!recipe.change_kernel) return std::nullopt;
  return plan::plan_kernel(recipe, facts, driver,
                           resolve::kernel_packages(recipe.kernel, driver, facts, index_texts(driver)));
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
  return facts;
}

guest::Facts facts_after(const plan::KernelPlan& plan, const SourceDisk& source, const resolve::SelectedDriver& driver,
                         Environment& environment) {
  auto& progress = environment.progress;
  const auto kind = facts_kind(plan, driver);
  if (const auto kept = environment.cache.find(kind, source.path))
    if (auto facts = guest::facts_from_cbor(*kept)) {
      progress.step(fmt::format("using the facts of an earlier run: '{}' did not change", source.path.string()));
      return std::move(*facts);
    }
  const auto before = Cache::settled_identity_of(source.path);
  const auto warnings = progress.warnings();
  const TemporaryDirectory scratch;
  const auto disk = make_scratch_disk(source, scratch.path(), progress);
  progress.step("start the appliance");
  const auto session =
      environment.open_session({disk.path, disk.format, source.path, driver.payloads(), /*compiles=*/true});
  auto facts = change_kernel(plan, *session, progress);
  if (progress.warnings() == warnings) environment.cache.keep(kind, source.path, before, guest::to_cbor(facts));
  return facts;
}

}  // namespace bake::job
