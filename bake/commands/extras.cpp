#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/cli/remedy.hpp"
#include "bake/commands/commands.hpp"
#include "bake/job/image.hpp"
#include "bake/plan/fetch_list.hpp"
#include "bake/recipe/fleet.hpp"

namespace bake::cli {
namespace {

/// The command line that takes the downloaded packages into the store.
std::string add_command(const plan::FetchList& list, const Context& context) {
  return fmt::format("bake bundle add --extra {}{}{}", list.directory(),
                     list.distro.empty() ? "" : " --for " + shell_quote(list.distro), store_option(context));
}

void print(const std::vector<plan::FetchList>& lists, Context& context) {
  if (context.json) {
    auto documents = Json::array();
    std::size_t missing = 0;
    for (const auto& list : lists) {
      auto document = plan::to_json(list);
      document["then"] = list.packages.empty() ? Json::array() : Json::array({add_command(list, context)});
      documents.push_back(std::move(document));
      missing += list.packages.size();
    }
    return context.print({{"missing", missing}, {"lists", documents}});
  }
  for (const auto& list : lists) {
    context.out << without_controls(plan::to_text(list));
    if (!list.packages.empty())
      context.out << fmt::format("then copy the directory to this machine, and here:\n  {}\n",
                                 add_command(list, context));
  }
}

/// Returns whether extra packages do not help against the refusal.
bool is_other(const plan::Refusal& refusal) {
  const auto& remedies = refusal.problem.remedies;
  return std::none_of(remedies.begin(), remedies.end(),
                      [](const Remedy& remedy) { return remedy.action == Remedy::Action::add_extras; });
}

/// Warns when the plan has refusals that no extra package removes: they may hide missing packages.
void warn_of_others(const plan::Inputs& inputs, Context& context) {
  const auto refusals = plan::make(inputs).refusals;
  if (std::any_of(refusals.begin(), refusals.end(), is_other))
    context.progress().warn(fmt::format("the plan of '{}' is refused for other reasons too; see {}", inputs.recipe.name,
                                        quote_command("bake plan " + shell_quote(inputs.recipe.file.string()))));
}

void show_wanted(const std::filesystem::path& file, Context& context) {
  const auto recipes = recipe::load_recipes(file);
  RealEnvironment environment(context);
  std::vector<plan::FetchList> lists;
  for (const auto& recipe : recipes) {
    const auto inputs = job::inputs_of_image(recipe, environment.get());
    warn_of_others(inputs, context);
    lists.push_back(plan::fetch_list(inputs));
  }
  print(plan::merged(lists), context);
}

}  // namespace

void add_extras(CLI::App& app, Context& context) {
  auto* extras = app.add_subcommand("extras", "the extra packages of a distribution that images lack");
  extras->require_subcommand(1);
  auto* wanted = extras->add_subcommand("wanted", "print the commands that download what a recipe or a fleet lacks");
  auto file = std::make_shared<std::filesystem::path>();
  wanted->add_option("file", *file, "the recipe (schema bake/v1) or the fleet (schema bake/fleet/v1)")->required();
  wanted->callback([file, &context] { show_wanted(*file, context); });
}

}  // namespace bake::cli
