#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/step_times.hpp"

namespace bake::cli {

using Json = nlohmann::ordered_json;

class ConsoleProgress;

/// The state that all commands share: output streams and global options. One per run of the program.
struct Context {
  std::ostream& out;  ///< results only
  std::ostream& err;  ///< progress, warnings, errors
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  std::string progress_mode = "auto";  ///< auto, tty, plain, json, none
  int events = -1;                     ///< --events: a socket for progress events
  std::string log_file;
  std::filesystem::path trace_file;                    ///< --trace
  std::filesystem::path store;                         ///< --store
  std::filesystem::path default_store;                 ///< the store without --store
  bool store_chosen = false;                           ///< BAKE_STORE chose default_store
  std::vector<std::filesystem::path> matrix_overlays;  ///< --matrix DIR, repeatable
  bool document_printed = false;  ///< --json: the result is printed, so an error must not print a second document
  int status = 0;                 ///< exit code of a command that ends without an Error

  /// Returns the progress reporter that the options select; makes it at the first call.
  StepTimes& progress();
  /// Prints `document` as the one JSON document of this run.
  void print(const Json& document);

  /// Throws Error{usage} when --store or BAKE_STORE names a directory that does not exist: a command that only reads
  /// would take it for an empty store.
  void require_store() const;
  /// Shows the end of the running step, if there is one: a message comes next.
  void end_step(bool failed);
  /// Shows the end of the run, and keeps how long the steps took. Call it once, at the end.
  void end_run(int exit_code);

  Context(std::ostream& result, std::ostream& messages);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

 private:
  ConsoleProgress* console_ = nullptr;  ///< owned by progress_
  std::unique_ptr<StepTimes> progress_;
};

/// Returns an error for programs: kind, exit_code, message, hint, the command lines of its remedies, and its problems.
Json to_json(const Context& context, const Error& error);

}  // namespace bake::cli
