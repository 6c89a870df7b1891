#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>

#include "bake/base/printable.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/commands/commands.hpp"
#include "bake/job/inspect.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  fs::path disk;
  std::vector<std::string> vm_sizes;
};

fs::path this_program() {
  std::error_code unknown;
  return fs::read_symlink("/proc/self/exe", unknown);
}

}  // namespace

std::string editor_comment(const fs::path& program) {
  const auto schema = program.parent_path().parent_path() / "share/bake/schema/recipe.schema.json";
  std::error_code out_of_reach;
  if (fs::is_regular_file(schema, out_of_reach))
    return fmt::format("# yaml-language-server: $schema={}\n", schema.string());
  return "# bake schema recipe > recipe.schema.json makes the file with which editors check and complete the keys.\n"
         "# yaml-language-server: $schema=recipe.schema.json\n";
}

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
    const auto text =
        editor_comment(this_program()) + job::make_recipe_for(options->disk, options->vm_sizes, environment.get());
    if (context.json)
      context.print({{"recipe", text}});
    else
      context.out << without_controls(text);
  });
}

}  // namespace bake::cli
