#include "bake/job/plan.hpp"

#include <utility>

#include "bake/assets/assets.hpp"
#include "bake/job/customize.hpp"
#include "bake/job/secure_boot.hpp"
#include "bake/store/built_modules.hpp"

namespace bake::job {

std::vector<bundle::IndexTexts> index_texts(const resolve::SelectedDriver& driver) {
  std::vector<bundle::IndexTexts> texts;
  if (driver.bundle) texts.push_back(store::Store::index_texts(*driver.bundle, *driver.packages()));
  for (const auto& extras : driver.extras) texts.push_back(store::Store::index_texts(extras));
  for (const auto& bundle : driver.kernel_bundles)
    texts.push_back(store::Store::index_texts(bundle, bundle.repositories.at(0)));
  return texts;
}

resolve::Offer read_offer(const Environment& environment) {
  const auto& store = environment.store;
  return {store.list(), store.all_extras(), store::all_modules(store), store.directory().string(), store.absence()};
}

resolve::SelectedDriver select_driver(const recipe::Recipe& recipe, const Environment& environment) {
  return resolve::select_driver(recipe, environment.matrix, read_offer(environment));
}

plan::Inputs plan_inputs(const recipe::Recipe& recipe, const resolve::SelectedDriver& driver, const guest::Facts& facts,
                         const Environment& environment, std::optional<plan::KernelPlan> kernel) {
  plan::Inputs inputs;
  inputs.recipe = recipe;
  // The recipe may use other names ("focal", "hb120rs_v3"); the guest and the manifest have one.
  if (const auto* os = environment.matrix.find_os(recipe.os.id, recipe.os.version))
    inputs.recipe.os = {os->id, os->version};
  for (auto& name : inputs.recipe.vm_sizes)
    if (const auto* size = environment.matrix.find_size(name)) name = size->name;
  inputs.facts = facts;
  inputs.kernel = std::move(kernel);
  // If the kernel is missing, the resolution still names what its modules need, for the list of missing packages.
  if (inputs.kernel && !inputs.kernel->missing.empty() && facts.kernel(recipe.kernel) == nullptr)
    inputs.facts.kernels.push_back({recipe.kernel, "", {}, {}, {}, {}, {}});
  inputs.resolution = resolve::resolve(recipe, driver, inputs.facts, environment.matrix, index_texts(driver));
  inputs.facts.kernels = facts.kernels;
  inputs.firstboot_sha256 = assets::firstboot_digest();
  inputs.customization = read_customization(recipe);
  inputs.module_trust = read_module_trust(recipe, facts, inputs.resolution.fit.kernel, environment.matrix);
  return inputs;
}

plan::Outcome make_plan(const recipe::Recipe& recipe, const resolve::SelectedDriver& driver, const guest::Facts& facts,
                        const Environment& environment, std::optional<plan::KernelPlan> kernel) {
  return plan::make(plan_inputs(recipe, driver, facts, environment, std::move(kernel)));
}

}  // namespace bake::job
