#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "bake/cli/context.hpp"

namespace CLI {
class App;
}

namespace bake::cli {

/// Adds one command with its options to the program; its callback runs the command. One file per command.
using AddCommand = void (*)(CLI::App& app, Context& context);

void add_batch(CLI::App& app, Context& context);
void add_complete(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);
void add_docs(CLI::App& app, Context& context);
void add_diff(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_extras(CLI::App& app, Context& context);
void add_handler(CLI::App& app, Context& context);
void add_help(CLI::App& app, Context& context);
void add_image(CLI::App& app, Context& context);
void add_import(CLI::App& app, Context& context);
void add_init(CLI::App& app, Context& context);
void add_inspect(CLI::App& app, Context& context);
void add_key(CLI::App& app, Context& context);
void add_plan(CLI::App& app, Context& context);
void add_report(CLI::App& app, Context& context);
void add_resign(CLI::App& app, Context& context);
void add_sign(CLI::App& app, Context& context);
void add_verify(CLI::App& app, Context& context);
void add_matrix(CLI::App& app, Context& context);
void add_bundle(CLI::App& app, Context& context);
void add_modules(CLI::App& app, Context& context);
void add_schema(CLI::App& app, Context& context);
void add_vhd(CLI::App& app, Context& context);

/// Adds `trust` to the command `bundle`: the keys whose signatures vouch for bundles.
void add_bundle_trust(CLI::App& bundle, Context& context);
/// Adds `wanted` to the command `bundle`: the archives that recipes need.
void add_bundle_wanted(CLI::App& bundle, Context& context);
/// Adds `resolve` to the command `matrix`.
void add_matrix_resolve(CLI::App& matrix, Context& context);

/// Returns the comment of a recipe in which editors with yaml-language-server find the schema: that of the installation
/// to which the program `program` belongs, or else a file next to the recipe, and how to make it.
std::string editor_comment(const std::filesystem::path& program);

/// Prints the version, the commit and the versions of the libraries; the first line is "bake 0.1.0 (abc1234)".
void print_version(Context& context);

/// Runs the whole program: parses `arguments` (without the program's name), runs the command, and returns the exit
/// code. The only function that catches errors of commands. Prints "bake: error: …" and "bake: hint: …" to `err`.
int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace bake::cli
