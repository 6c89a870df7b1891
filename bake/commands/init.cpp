#include <CLI/CLI.hpp>

#include "bake/base/printable.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/commands/commands.hpp"
#include "bake/job/inspect.hpp"

namespace bake::cli {
namespace {

struct InitOptions {
  std::filesystem::path disk;
  std::vector<std::string> vm_sizes;
};

}  // namespace

void add_init(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("init", "write a recipe for a disk");
  auto options = std::make_shared<InitOptions>();
  command->add_option("disk", options->disk, "a fixed VHD, raw, dynamic VHD, VHDX or qcow2 disk")->required();
  command->add_option("--vm-size", options->vm_sizes, "a VM size the image must serve; repeat for several")
      ->required()
      ->expected(1)
      ->take_all();
  command->callback([options, &context] {
    RealEnvironment environment(context);
    const auto text = job::make_recipe_for(options->disk, options->vm_sizes, environment.get());
    if (context.json)
      context.print({{"recipe", text}});
    else
      context.out << without_controls(text);
  });
}

}  // namespace bake::cli
