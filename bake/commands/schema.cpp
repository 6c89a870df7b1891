#include <CLI/CLI.hpp>

#include "bake/assets/assets.hpp"
#include "bake/commands/commands.hpp"

namespace bake::cli {

void add_schema(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("schema", "print a JSON Schema, with which editors check and complete a file");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, std::string_view (*schema)()) {
    command->add_subcommand(name, help)->callback([schema, &context] {
      context.out << schema();
      context.document_printed = true;
    });
  };
  add("recipe", "the schema of recipes", assets::recipe_schema);
  add("fleet", "the schema of fleets", assets::fleet_schema);
  add("matrix", "the schema of the files of the matrix and of overlays", assets::matrix_schema);
}

}  // namespace bake::cli
