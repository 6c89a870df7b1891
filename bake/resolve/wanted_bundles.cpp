#include "bake/resolve/wanted_bundles.hpp"

#include <algorithm>
#include <optional>

namespace bake::resolve {
namespace {

/// Returns the archive of one recipe; nothing for the distribution's own driver.
std::optional<WantedBundle> wanted_by(const recipe::Recipe& recipe, const matrix::Matrix& matrix, const Offer& offer) {
  const auto driver = find_driver(recipe, matrix, offer);
  const auto choice = driver ? driver->choice : best_choice(recipe, matrix);
  if (choice.inbox) return std::nullopt;
  WantedBundle wanted{
      choice.file_name, choice.url, choice.sha256, choice.ofed, choice.distro, driver.has_value(), {}, {}};
  if (!driver) wanted.warning = choice.existence_warning;
  if (driver && driver->bundle && !driver->bundle->trust.from_directory) wanted.sha256 = driver->bundle->id();
  if (!recipe.ofed.sha256.empty()) wanted.sha256 = recipe.ofed.sha256;
  return wanted;
}

}  // namespace

std::vector<WantedBundle> wanted_bundles(const std::vector<recipe::Recipe>& recipes, const matrix::Matrix& matrix,
                                         const Offer& offer) {
  std::vector<WantedBundle> bundles;
  for (const auto& recipe : recipes) {
    auto wanted = wanted_by(recipe, matrix, offer);
    if (!wanted) continue;
    auto same = std::find_if(bundles.begin(), bundles.end(), [&](const WantedBundle& each) {
      return each.file == wanted->file && each.distro == wanted->distro && each.sha256 == wanted->sha256;
    });
    if (same == bundles.end()) same = bundles.insert(bundles.end(), std::move(*wanted));
    same->recipes.push_back(recipe.name);
  }
  return bundles;
}

}  // namespace bake::resolve
