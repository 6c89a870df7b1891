#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firstboot/checks.hpp"
#include "firstboot/handler.hpp"
#include "firstboot/options.hpp"
#include "firstboot/outputs.hpp"
#include "firstboot/state.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

/// Seconds. The agent kills an enable command after 300; the conf file cannot ask for more than this either.
constexpr unsigned longest_handler_wait = 240;

Report report;  // static: its buffers are larger than a careful stack

int exit_code(Exit exit) { return static_cast<int>(exit); }

int check(const Options& options, View handler_status) {
  CheckOptions what{options.root, options.ask_imds ? &options.imds : nullptr, options.wait};
  if (options.command == Command::handler) what.longest_wait = longest_handler_wait;
  const State last = load_state(options.root);
  run_checks(what, report);
  const State now = compare_state(options.root, last, options.force, report);
  write_outputs(options.root, handler_status, report);
  if (!save_state(options.root, now)) print_error("writing the state file in '/var/lib/ib-firstboot': failed");
  print(report, options.json);
  return exit_code(report.exit);
}

/// install, update, disable and uninstall have nothing to do: the driver is part of the image.
int handle(const Options& options) {
  if (options.handler != HandlerCommand::enable) return exit_code(Exit::success);
  HandlerFolders folders;
  if (!find_handler(folders)) {
    print_error(
        "running as a VM extension: no readable HandlerEnvironment.json in the working directory or beside the "
        "program");
    return exit_code(Exit::wrong_use);
  }
  Path status;
  handler_status_path(folders, environ, status);
  return check(options, status);
}

/// An agent that started us wrongly must learn it from a status file, like everything else.
int wrong_use(const Options& options, View error) {
  print_error(error);
  write_all(STDERR_FILENO, "ib-firstboot: hint: see ib-firstboot --help\n");
  HandlerFolders folders;
  if (options.command == Command::handler && find_handler(folders)) {
    Path path;
    Buffer<24> time;
    Buffer<2048> document;
    Buffer<600> message(words_for(Exit::wrong_use));
    message << ": " << error;
    handler_status_path(folders, environ, path);
    utc_time(time);
    write_status_json(Exit::wrong_use, time, message, document);
    replace_file(path, document);
  }
  return exit_code(Exit::wrong_use);
}

int run(int count, const char* const* words) {
  signal(SIGPIPE, SIG_IGN);
  umask(022);
  Options options;
  Buffer<512> error;
  if (!parse_options(count - 1, words + 1, options, error)) return wrong_use(options, error);
  switch (options.command) {
    case Command::help:
      write_all(STDOUT_FILENO, help_text);
      return 0;
    case Command::version:
      write_all(STDOUT_FILENO, "ib-firstboot " IB_FIRSTBOOT_VERSION "\n");
      return 0;
    case Command::handler:
      return handle(options);
    case Command::check:
      return check(options, {});
  }
  return exit_code(Exit::wrong_use);
}

}  // namespace
}  // namespace firstboot

int main(int count, char** words) { return firstboot::run(count, words); }
