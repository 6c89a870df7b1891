#include <CLI/CLI.hpp>

#include "bake/base/printable.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/cli/remedy.hpp"
#include "bake/commands/commands.hpp"
#include "bake/job/image.hpp"

namespace bake::cli {

void add_plan(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("plan", "show what baking a recipe would change; exit 0: it would work");
  auto file = std::make_shared<std::filesystem::path>();
  command->add_option("recipe", *file, "the recipe (schema bake/v1)")->required();
  command->callback([file, &context] {
    RealEnvironment environment(context);
    const auto outcome = job::plan_image(recipe::load(*file), environment.get());
    if (context.json) {
      // The document contains the refusals, and a run prints only one document.
      auto document = plan::to_json(outcome);
      for (std::size_t i = 0; i < outcome.refusals.size(); ++i)
        document["refusals"][i]["commands"] = command_lines(context, outcome.refusals[i].problem.remedies);
      context.print(document);
      context.document_printed = true;
    } else {
      context.out << without_controls(plan::to_text(outcome));
    }
    plan::require(outcome);
  });
}

}  // namespace bake::cli
