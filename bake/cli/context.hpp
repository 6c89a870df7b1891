#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/step_times.hpp"

namespace CLI {
class App;
}

namespace bake::cli {

using Json = nlohmann::ordered_json;

/// The state that all commands share: output streams and global options. One per run of the program.
struct Context {
  std::ostream& out;  ///< results only
  std::ostream& err;  ///< progress, warnings, errors
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  std::string progress_mode = "auto";  ///< auto, tty, plain, none
  std::string log_file;
  std::filesystem::path trace_file;                    ///< --trace
  std::filesystem::path store;                         ///< --store
  std::filesystem::path default_store;                 ///< the store without --store
  std::vector<std::filesystem::path> matrix_overlays;  ///< --matrix DIR, repeatable
  bool document_printed = false;  ///< --json: the result is printed, so an error must not print a second document
  int status = 0;                 ///< exit code of a command that ends without an Error

  /// Returns the progress reporter that the options select; makes it at the first call.
  StepTimes& progress();
  /// Prints `document` as the one JSON document of this run.
  void print(const Json& document);

  Context(std::ostream& result, std::ostream& messages) : out(result), err(messages) {}

 private:
  std::unique_ptr<StepTimes> progress_;
};

/// Returns an error for programs: kind, message, hint, and the command lines of its remedies.
Json to_json(const Context& context, const Error& error);

/// Adds one command with its options to the program; its callback runs the command. One file per command.
using AddCommand = void (*)(CLI::App& app, Context& context);

void add_batch(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_extras(CLI::App& app, Context& context);
void add_handler(CLI::App& app, Context& context);
void add_image(CLI::App& app, Context& context);
void add_import(CLI::App& app, Context& context);
void add_init(CLI::App& app, Context& context);
void add_inspect(CLI::App& app, Context& context);
void add_key(CLI::App& app, Context& context);
void add_plan(CLI::App& app, Context& context);
void add_verify(CLI::App& app, Context& context);
void add_matrix(CLI::App& app, Context& context);
void add_bundle(CLI::App& app, Context& context);
void add_modules(CLI::App& app, Context& context);
void add_vhd(CLI::App& app, Context& context);

/// Adds `trust` to the command `bundle`: the keys whose signatures vouch for bundles.
void add_bundle_trust(CLI::App& bundle, Context& context);
/// Adds `wanted` to the command `bundle`: the archives that recipes need.
void add_bundle_wanted(CLI::App& bundle, Context& context);
/// Adds `resolve` to the command `matrix`.
void add_matrix_resolve(CLI::App& matrix, Context& context);

/// Runs the whole program: parses `arguments` (without the program's name), runs the command, and returns the exit
/// code. The only function that catches errors of commands. Prints "bake: error: …" and "bake: hint: …" to `err`.
int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace bake::cli
