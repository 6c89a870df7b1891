#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firstboot/address.hpp"
#include "firstboot/checks.hpp"
#include "firstboot/handler.hpp"
#include "firstboot/options.hpp"
#include "firstboot/outputs.hpp"
#include "firstboot/state.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

/// Seconds. The agent kills an enable command after 300 s. The conf file has the same limit.
constexpr unsigned max_handler_wait = 240;

Report report;  // static, because its buffers are too large for a small stack

int exit_code(Exit exit) { return static_cast<int>(exit); }

int check(const Options& options, View handler_status) {
  CheckOptions check_options{options.root, options.ask_imds ? &options.imds : nullptr, options.wait};
  if (options.command == Command::handler) check_options.max_wait = max_handler_wait;
  const State last = load_state(options.root);
  run_checks(check_options, report);
  const State now = compare_state(options.root, last, options.force, report);
  write_outputs(options.root, handler_status, report);
  if (!save_state(options.root, now)) print_error("writing the state file in '/var/lib/ib-firstboot': failed");
  print(report, options.json);
  return exit_code(report.exit);
}

/// For a unit after the agent: a missing address is a warning and never changes an exit code.
int check_address(const Options& options) {
  Check& check = report.add("");
  check_addresses(options.root, options.wait >= 0 ? options.wait : default_address_wait, check);
  utc_time(check.time);
  log_check(options.root, check);
  return exit_code(Exit::success);
}

/// Runs a command of the agent. install, update, disable and uninstall do nothing: the driver is part of the image.
int handle(const Options& options) {
  if (options.handler != HandlerCommand::enable) return exit_code(Exit::success);
  HandlerFolders folders;
  if (!find_handler(folders)) {
    print_error(
        "running as a VM extension: no readable HandlerEnvironment.json in the working directory or next to the "
        "program");
    return exit_code(Exit::incorrect_usage);
  }
  Path status;
  handler_status_path(folders, environ, status);
  return check(options, status);
}

/// Prints the error. When the agent started the program, writes it to the status file too: the agent reads no other.
int report_usage_error(const Options& options, View error) {
  print_error(error);
  write_all(STDERR_FILENO, "ib-firstboot: hint: see ib-firstboot --help\n");
  HandlerFolders folders;
  if (options.command == Command::handler && find_handler(folders)) {
    Path path;
    Buffer<24> time;
    Buffer<2048> document;
    Buffer<600> message(meaning_of(Exit::incorrect_usage));
    message << ": " << error;
    handler_status_path(folders, environ, path);
    utc_time(time);
    write_status_json(Exit::incorrect_usage, time, message, document);
    replace_file(path, document);
  }
  return exit_code(Exit::incorrect_usage);
}

int run(int count, const char* const* words) {
  signal(SIGPIPE, SIG_IGN);
  umask(022);
  Options options;
  Buffer<512> error;
  if (!parse_options(count - 1, words + 1, options, error)) return report_usage_error(options, error);
  switch (options.command) {
    case Command::help:
      write_all(STDOUT_FILENO, help_text);
      return 0;
    case Command::version:
      write_all(STDOUT_FILENO, "ib-firstboot " IB_FIRSTBOOT_VERSION "\n");
      return 0;
    case Command::handler:
      return handle(options);
    case Command::check_address:
      return check_address(options);
    case Command::check:
      return check(options, {});
  }
  return exit_code(Exit::incorrect_usage);
}

}  // namespace
}  // namespace firstboot

int main(int count, char** words) { return firstboot::run(count, words); }
