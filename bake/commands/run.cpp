#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/printable.hpp"
#include "bake/cli/progress.hpp"
#include "bake/cli/remedy.hpp"
#include "bake/cli/usage.hpp"
#include "bake/commands/commands.hpp"
#include "bake/disk/output.hpp"

namespace bake::cli {
namespace {

/// The command table, in the order of the help text.
constexpr AddCommand commands[] = {
    add_image,   add_batch,  add_plan,   add_init,       add_inspect, add_verify,   add_sign,   add_resign, add_diff,
    add_report,  add_bundle, add_extras, add_modules,    add_matrix,  add_export,   add_import, add_key,    add_vhd,
    add_handler, add_schema, add_doctor, add_completion, add_help,    add_complete, add_docs};

/// The beginning of a trace, as nlohmann::json writes it.
constexpr std::string_view trace_beginning = R"({"traceEvents":)";

constexpr const char* interrupted_hint = "no incomplete file was left behind; run it again";

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
      ->check(CLI::IsMember({"auto", "tty", "plain", "json", "none"}));
  app.add_option("--events", context.events, "a socket that gets each event of --progress json as a packet")
      ->check(CLI::Range(0, 1 << 20))
      ->group("");  // for the children of 'bake batch'

  app.add_flag("-q,--quiet", context.quiet, "no progress, only warnings and errors");
  app.add_flag("-v,--verbose", context.verbose, "details of each step");
  app.add_option("--log", context.log_file, "also write every step and detail to this file");
  app.add_option("--trace", context.trace_file,
                 "write how long every step and call took to this file, as Chrome trace events");
  app.add_option("--store", context.store,
                 "the bundle store (default: $BAKE_STORE, else $XDG_DATA_HOME/bake, else ~/.local/share/bake)");
  app.add_option("--matrix", context.matrix_overlays,
                 "a directory of matrix rows that add to or override the built-in ones")
      ->allow_extra_args(false);
  app.set_version_flag("-V,--version", std::string("bake"), "version, commit and libraries");
}

/// Opens a pipe, so that it has a writer until the log is open: its reader ends with its last writer. Throws
/// Error{usage} when no program reads it: opening it as a log would wait, perhaps for ever.
FileDescriptor open_pipe(const std::filesystem::path& file) {
  std::error_code not_there;
  if (!std::filesystem::is_fifo(file, not_there)) return {};
  FileDescriptor pipe(::open(file.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!pipe.valid() && errno == ENXIO)
    throw Error(ErrorKind::usage, fmt::format("opening log '{}': no program reads this pipe", file.string()),
                "start its reader first, or choose a file");
  return pipe;
}

/// Throws Error{usage} when an existing file is not a log, because bake appends to it: never to a base or a recipe.
void require_log(const std::filesystem::path& file) {
  constexpr std::array<std::string_view, 4> beginnings{
      "[ ", "warning: ", "error: ", "     "};  // the beginnings of the lines that Progress writes
  std::error_code not_there;
  if (!std::filesystem::is_regular_file(file, not_there)) return;  // a pipe or a terminal accepts any text
  std::string head(16, '\0');
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(head.data(), static_cast<std::streamsize>(head.size())) && stream.gcount() == 0) return;
  if (std::none_of(beginnings.begin(), beginnings.end(), [&](const auto& text) { return head.starts_with(text); }))
    throw Error(ErrorKind::usage, fmt::format("opening log '{}': the file is not a log of bake", file.string()),
                "choose another file");
}

/// Throws Error{usage} when the trace would replace a file that is not a trace.
void require_trace(const std::filesystem::path& file) {
  if (file.empty()) return;
  require_parent_directory(file);
  require_replaceable(file, true);
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return;
  std::string head(trace_beginning.size(), '\0');
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  if (stream.gcount() != 0 && head != trace_beginning)
    throw Error(ErrorKind::usage, fmt::format("opening trace '{}': the file is not a trace of bake", file.string()),
                "choose another file");
}

/// Opens the log before the work, so that an unwritable log is an error at once, also in commands without progress.
void open_log(Context& context) {
  if (context.log_file.empty()) return;
  const auto file = std::exchange(context.log_file, {});  // the error must not be written into a refused file
  require_parent_directory(file);
  const auto pipe = open_pipe(file);
  require_log(file);
  context.log_file = file;
  context.progress();
}

/// Writes the error at the end of the log.
void log_error(Context& context, const Error& error) {
  if (context.log_file.empty()) return;
  std::ofstream log(context.log_file, std::ios::app);
  log << "error: " << without_controls(error.message()) << '\n';
  if (!error.hint().empty()) log << "hint: " << without_controls(error.hint()) << '\n';
  for (const auto& command : command_lines(context, error.remedies()))
    log << "hint: run: " << without_controls(command) << '\n';
}

/// Writes the error as the last event but one of --progress json.
void write_error_event(Context& context, const Error& error) {
  Json event{{"event", "error"}};
  event.update(to_json(context, error));
  context.err << event.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
}

void print_error(Context& context, const Error& error) {
  context.end_step(true);
  if (context.json && !context.document_printed) context.print({{"error", to_json(context, error)}});
  if (context.progress_mode == "json") {
    write_error_event(context, error);
    return log_error(context, error);
  }
  context.err << "bake: error: " << without_controls(error.message()) << '\n';
  if (!error.hint().empty()) context.err << "bake: hint: " << without_controls(error.hint()) << '\n';
  for (const auto& command : command_lines(context, error.remedies()))
    context.err << "bake: hint: run: " << without_controls(command) << '\n';
  log_error(context, error);
}

/// Prints the error and returns its exit code. After a signal every error counts as an interruption, because the signal
/// also ended the child processes.
int failed(Context& context, const Error& error) {
  if (interrupted() && error.kind() != ErrorKind::interrupted)
    return failed(context, Error(ErrorKind::interrupted, "working: interrupted by a signal", interrupted_hint));
  const bool bare = error.kind() == ErrorKind::interrupted && error.hint().empty();
  print_error(context, bare ? Error(error.kind(), error.message(), interrupted_hint) : error);
  return static_cast<int>(error.kind());
}

/// Returns whether --json is among the arguments: the parser may stop before it reads that option.
bool asks_for_json(const std::vector<std::string>& arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::find(arguments.begin(), end, "--json") != end;
}

/// Returns the exit code of a command after its result was printed; 6 when standard output failed.
int written(Context& context) {
  if (context.out.flush()) return context.status;
  print_error(context, Error(ErrorKind::environment, "writing the result: standard output failed",
                             "check whether its disk is full or its reader has ended"));
  return static_cast<int>(ErrorKind::environment);
}

int usage_error(const CLI::App& app, Context& context, const CLI::ParseError& error,
                const std::vector<std::string>& arguments) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    if (dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr)
      print_version(context);
    else
      app.exit(error, context.out, context.err);
    return written(context);
  }
  const auto unknown = mistyped(app, arguments);
  print_error(context, unknown ? *unknown : Error(ErrorKind::usage, error.what(), usage_hint));
  return static_cast<int>(ErrorKind::usage);
}

/// Writes the trace, also of a command that failed. Returns the exit code of the run.
int with_trace(Context& context, int status) {
  if (context.trace_file.empty()) return status;
  try {
    require_trace(context.trace_file);  // again: the command may have made a file of this name
    write_text_atomically(context.trace_file,
                          chrome_trace(context.progress()).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  } catch (const Error& error) {
    print_error(context, error);
    if (status == 0) return static_cast<int>(error.kind());
  }
  return status;
}

/// The socket belongs to this process, not to its children.
void keep_events_here(const Context& context) {
  if (context.events >= 0) ::fcntl(context.events, F_SETFD, FD_CLOEXEC);
}

/// Parses the arguments, runs the command, and returns its exit code.
int run_command(CLI::App& app, Context& context, const std::vector<std::string>& arguments) {
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    return written(context);
  } catch (const CLI::ParseError& error) {
    context.trace_file.clear();
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

}  // namespace

int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  Context context(out, err);
  context.store = context.default_store = default_store();
  const char* chosen = std::getenv("BAKE_STORE");
  context.store_chosen = chosen != nullptr && *chosen != '\0';
  CLI::App app{"Bakes InfiniBand drivers into Azure Linux images, offline.", "bake"};
  app.require_subcommand(1);
  app.fallthrough();
  add_global_options(app, context);
  set_help_format(app);
  for (const auto add : commands) add(app, context);
  app.footer("");  // the main help lists these options itself
  app.parse_complete_callback([&context] {
    auto trace = std::exchange(context.trace_file, {});  // a refused file must not be replaced
    require_trace(trace);
    open_log(context);
    context.trace_file = std::move(trace);
    keep_events_here(context);
  });
  const auto status = with_trace(context, run_command(app, context, arguments));
  context.end_run(status);
  return status;
}

}  // namespace bake::cli
