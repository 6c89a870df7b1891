#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <optional>

#include "bake/base/error.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/text.hpp"
#include "bake/cli/context.hpp"
#include "bake/cli/progress.hpp"

namespace bake::cli {
namespace {

/// The command table, in the order of the help text.
constexpr AddCommand commands[] = {add_image,  add_batch,  add_plan,   add_init, add_inspect, add_verify,  add_bundle,
                                   add_matrix, add_export, add_import, add_key,  add_vhd,     add_handler, add_doctor};

constexpr const char* interrupted_hint = "nothing half written was left behind; run it again";

std::filesystem::path default_store() {
  if (const char* store = std::getenv("BAKE_STORE"); store != nullptr && *store != '\0') return store;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0')
    return std::filesystem::path(data) / "bake";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : "/var/lib") / ".local/share/bake";
}

void add_global_options(CLI::App& app, Context& context) {
  app.add_flag("--json", context.json, "print one JSON document on standard output");
  app.add_option("--progress", context.progress_mode, "how to show progress on standard error")
      ->check(CLI::IsMember({"auto", "tty", "plain", "none"}));
  app.add_flag("-q,--quiet", context.quiet, "no progress, only warnings and errors");
  app.add_flag("-v,--verbose", context.verbose, "details of each step");
  app.add_option("--log", context.log_file, "also write every step and detail to this file");
  app.add_option("--store", context.store, "the bundle store (default: $BAKE_STORE, else ~/.local/share/bake)");
  app.add_option("--matrix", context.matrix_overlays,
                 "a directory of matrix rows that add to or override the built-in ones")
      ->allow_extra_args(false);
  app.set_version_flag("--version", "bake " BAKE_VERSION);
}

/// A log without the error at its end would only say how far it came.
void log_error(Context& context, const Error& error) {
  if (context.log_file.empty()) return;
  std::ofstream log(context.log_file, std::ios::app);
  log << "error: " << error.message() << '\n';
  if (!error.hint().empty()) log << "hint: " << error.hint() << '\n';
}

void print_error(Context& context, const Error& error) {
  if (context.json && !context.document_printed) context.print({{"error", as_json(error)}});
  context.err << "bake: error: " << error.message() << '\n';
  if (!error.hint().empty()) context.err << "bake: hint: " << error.hint() << '\n';
  log_error(context, error);
}

/// What failed after a signal failed because of it: the children were ended so that the job stops.
int failed(Context& context, const Error& error) {
  if (interrupted() && error.kind() != ErrorKind::interrupted)
    return failed(context, Error(ErrorKind::interrupted, "working: interrupted by a signal", interrupted_hint));
  const bool bare = error.kind() == ErrorKind::interrupted && error.hint().empty();
  print_error(context, bare ? Error(error.kind(), error.message(), interrupted_hint) : error);
  return static_cast<int>(error.kind());
}

/// The parser may have given up before it came to --json.
bool asks_for_json(const std::vector<std::string>& arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::find(arguments.begin(), end, "--json") != end;
}

/// The word that stands where a command should and is none, and the commands that may stand there.
std::optional<std::pair<std::string, std::vector<std::string>>> unknown_command(
    const CLI::App& app, const std::vector<std::string>& arguments) {
  const auto* at = &app;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& word = arguments[i];
    if (word.starts_with("-")) {
      const auto* option = app.get_option_no_throw(word);
      if (option != nullptr && option->get_expected_max() > 0 && word.find('=') == std::string::npos) ++i;
      continue;
    }
    const auto commands_here = at->get_subcommands([](const CLI::App*) { return true; });
    if (commands_here.empty()) return std::nullopt;
    const auto found = std::find_if(commands_here.begin(), commands_here.end(),
                                    [&](const CLI::App* command) { return command->get_name() == word; });
    if (found == commands_here.end()) {
      std::vector<std::string> names;
      for (const auto* command : commands_here) names.push_back(command->get_name());
      return std::pair(word, std::move(names));
    }
    at = *found;
  }
  return std::nullopt;
}

int usage_error(const CLI::App& app, Context& context, const CLI::ParseError& error,
                const std::vector<std::string>& arguments) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
    return app.exit(error, context.out, context.err);
  if (const auto unknown = unknown_command(app, arguments)) {
    const auto near = did_you_mean(unknown->first, unknown->second);
    print_error(context, Error(ErrorKind::usage, fmt::format("there is no command '{}'", unknown->first),
                               near.empty() ? "there are " + join(unknown->second, ", ") : near));
    return static_cast<int>(ErrorKind::usage);
  }
  print_error(context,
              Error(ErrorKind::usage, error.what(), "'bake --help' and 'bake COMMAND --help' list what there is"));
  return static_cast<int>(ErrorKind::usage);
}

}  // namespace

Json as_json(const Error& error) {
  return {{"kind", name_of(error.kind())}, {"message", error.message()}, {"hint", error.hint()}};
}

int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  Context context(out, err);
  context.store = default_store();
  CLI::App app{"Bakes InfiniBand drivers into Azure Linux images, offline.", "bake"};
  app.require_subcommand(1);
  app.fallthrough();
  add_global_options(app, context);
  for (const auto add : commands) add(app, context);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    return context.status;
  } catch (const CLI::ParseError& error) {
    context.json = context.json || asks_for_json(arguments);
    return usage_error(app, context, error, arguments);
  } catch (const Error& error) {
    return failed(context, error);
  } catch (const std::filesystem::filesystem_error& error) {
    return failed(context, Error(ErrorKind::failed, fmt::format("working with files: {}", error.what())));
  } catch (const std::exception& error) {
    return failed(context, Error(ErrorKind::bug, fmt::format("running bake: unexpected: {}", error.what()),
                                 "this is a bug in bake; please report it with the command line and the --log file"));
  }
}

}  // namespace bake::cli
