#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/cli/remedy.hpp"
#include "bake/commands/commands.hpp"
#include "bake/recipe/fleet.hpp"
#include "bake/resolve/wanted_bundles.hpp"
#include "bake/store/store.hpp"
#include "matrix/matrix.hpp"

namespace bake::cli {
namespace {

using resolve::WantedBundle;

/// Whether the name of the archive is known as a whole.
bool has_name(const WantedBundle& bundle) { return bundle.file.find('*') == std::string::npos; }

/// The command line that takes the downloaded archive into the store.
std::string add_command(const WantedBundle& bundle, const Context& context) {
  return fmt::format("bake bundle add {}{}{}", shell_quote(bundle.file),
                     bundle.sha256.empty() ? "" : " --sha256 " + bundle.sha256, store_option(context));
}

Json to_json(const WantedBundle& bundle, const Context& context) {
  Json json{{"file", bundle.file},     {"url", bundle.url},         {"sha256", bundle.sha256},    {"ofed", bundle.ofed},
            {"distro", bundle.distro}, {"recipes", bundle.recipes}, {"in_store", bundle.in_store}};
  const bool known = !bundle.in_store && has_name(bundle);
  json["then"] = known ? Json::array({add_command(bundle, context)}) : Json::array();
  return json;
}

std::string text_of(const WantedBundle& bundle, const Context& context) {
  auto text = fmt::format("{}\n  for     {}\n", bundle.file, join(bundle.recipes, ", "));
  if (bundle.in_store) return text + "  the store has it\n";
  text += fmt::format("  url     {}\n", bundle.url.empty()
                                            ? "not public: look for this name on NVIDIA's download page (README)"
                                            : bundle.url);
  text += fmt::format("  sha256  {}\n", bundle.sha256.empty() ? "not public" : bundle.sha256);
  if (!bundle.warning.empty()) text += fmt::format("  warning {}\n", bundle.warning);
  if (!has_name(bundle)) return text + "  then    bake bundle add FILE (a part of its name is not known)\n";
  return text + fmt::format("  then    {}\n", add_command(bundle, context));
}

void show_wanted(const std::filesystem::path& file, Context& context) {
  const auto recipes = recipe::load_recipes(file);
  const auto matrix = matrix::Matrix::load(context.matrix_overlays);
  const store::Store store(context.store);
  const auto bundles = resolve::wanted_bundles(
      recipes, matrix, {store.list(), store.all_extras(), {}, store.directory().string(), store.absence()});
  const auto missing = static_cast<std::size_t>(
      std::count_if(bundles.begin(), bundles.end(), [](const auto& bundle) { return !bundle.in_store; }));
  if (context.json) {
    auto list = Json::array();
    for (const auto& bundle : bundles) list.push_back(to_json(bundle, context));
    return context.print({{"missing", missing}, {"bundles", list}});
  }
  if (bundles.empty()) {
    context.out << "no archive is needed: the recipes use the distribution's own driver\n";
    return;
  }
  context.out << fmt::format("{} of {} archive{} missing\n", missing, bundles.size(),
                             bundles.size() == 1 ? " is" : "s are");
  const bool assumes =
      std::any_of(recipes.begin(), recipes.end(), [](const auto& each) { return each.kernel.empty(); });
  if (missing != 0 && assumes)
    context.out
        << "recipes without a kernel: the kernel of Azure's current image is assumed; write 'kernel: RELEASE' if "
           "the base boots another one\n";
  const bool unpinned = std::any_of(bundles.begin(), bundles.end(),
                                    [](const auto& each) { return !each.in_store && each.sha256.empty(); });
  if (unpinned && store.trusted_keys().empty())
    context.out << "archives without a public sha256 need the vendor's key first: bake bundle trust KEYFILE\n";
  for (const auto& bundle : bundles) context.out << text_of(bundle, context);
}

}  // namespace

void add_bundle_wanted(CLI::App& bundle, Context& context) {
  auto* wanted =
      bundle.add_subcommand("wanted", "list the archives that a recipe or a fleet needs; bases may be missing");
  auto file = std::make_shared<std::filesystem::path>();
  wanted->add_option("file", *file, "the recipe (schema bake/v1) or the fleet (schema bake/fleet/v1)")->required();
  wanted->callback([file, &context] { show_wanted(*file, context); });
}

}  // namespace bake::cli
