#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/cli/real_environment.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/output.hpp"
#include "bake/job/inspect.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  fs::path disk;
  std::vector<std::string> vm_sizes;
  fs::path output;
  bool force = false;
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
  command->add_option("-o,--output", options->output, "the file to write (default: standard output)");
  command->add_flag("--force", options->force, "replace an existing file");
  command->callback([options, &context] {
    RealEnvironment environment(context);
    if (!options->output.empty()) {
      require_parent_directory(options->output);
      require_replaceable(options->output, options->force);
      std::error_code not_there;
      if (fs::equivalent(options->output, options->disk, not_there))
        throw Error(ErrorKind::usage, fmt::format("writing '{}': it is an input", options->output.string()),
                    "choose another file");
    }
    const auto text =
        editor_comment(this_program()) + job::make_recipe_for(options->disk, options->vm_sizes, environment.get());
    if (!options->output.empty()) write_text_atomically(options->output, text);
    if (context.json)
      context.print({{"recipe", text}});
    else if (!options->output.empty())
      context.out << options->output.string() << "\n";
    else
      context.out << without_controls(text);
  });
}

}  // namespace bake::cli
