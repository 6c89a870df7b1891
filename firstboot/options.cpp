#include "firstboot/options.hpp"

namespace firstboot {
namespace {

constexpr unsigned max_wait = 3600;
constexpr size_t max_root_size = 256;

/// Reads the arguments one by one.
class Parser {
 public:
  Parser(int count, const char* const* words, Options& options, Text& error)
      : words_(words), left_(count), options_(options), error_(error) {}

  bool run() {
    while (left_ > 0)
      if (!word(take())) return false;
    if (options_.command == Command::handler && !has_action_) return complain("'handler' needs a command");
    return true;
  }

 private:
  View take() {
    --left_;
    return *words_++;
  }

  bool word(View text) {
    if (text == "--json") return options_.json = true;
    if (text == "--force") return options_.force = true;
    if (text == "--check-address") return command(Command::check_address);
    if (text == "--help" || text == "-h") return command(Command::help);
    if (text == "--version") return command(Command::version);
    if (text == "--root" || text == "--imds" || text == "--wait") {
      if (left_ == 0) return complain("a value is missing after ", text);
      return value_of(text, take());
    }
    if (options_.command == Command::handler && !has_action_) return action(text);
    if (text == "check" && !has_command_) return command(Command::check);
    if (text == "handler" && !has_command_) return command(Command::handler);
    return complain("unknown argument ", text);
  }

  bool command(Command command) {
    has_command_ = true;
    options_.command = command;
    return true;
  }

  bool action(View text) {
    static constexpr const char* names[] = {"install", "enable", "update", "disable", "uninstall"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; ++i)
      if (text == names[i]) {
        options_.handler = static_cast<HandlerCommand>(i);
        return has_action_ = true;
      }
    return complain("unknown handler command ", text);
  }

  bool value_of(View option, View value) {
    unsigned seconds = 0;
    if (option == "--root") {
      if (value.empty() || value.size > max_root_size) return complain("--root takes a directory, not ", value);
      while (ends_with(value, "/")) value = first(value, value.size - 1);
      options_.root = value;
    } else if (option == "--wait") {
      if (!parse_number(value, max_wait, seconds)) return complain("--wait takes 0 to 3600 seconds, not ", value);
      options_.wait = static_cast<int>(seconds);
    } else if (value == "none") {
      options_.ask_imds = false;
    } else if (!parse_endpoint(value, options_.imds)) {
      return complain("--imds takes http://ADDRESS[:PORT] or none, not ", value);
    }
    return true;
  }

  bool complain(View reason) {
    error_ << "reading the command line: " << reason;
    return false;
  }
  bool complain(View reason, View word) {
    complain(reason);
    error_ << '\'' << word << '\'';
    return false;
  }

  const char* const* words_;
  int left_;
  Options& options_;
  Text& error_;
  bool has_command_ = false;
  bool has_action_ = false;
};

}  // namespace

bool parse_options(int count, const char* const* words, Options& options, Text& error) {
  return Parser(count, words, options, error).run();
}

const char* const help_text =
    "usage: ib-firstboot [OPTION]... [check]\n"
    "       ib-firstboot [--root DIR] [--wait SECONDS] --check-address\n"
    "       ib-firstboot [OPTION]... handler install|enable|update|disable|uninstall\n"
    "\n"
    "Checks on an Azure VM that InfiniBand works. It has the exit codes of the InfiniBandDriverLinux VM extension.\n"
    "\n"
    "  --wait SECONDS   total wait for driver, functions, ports and IMDS (default: WAIT of\n"
    "                   /etc/ib-firstboot.conf, else 60)\n"
    "  --json           print one JSON document on stdout instead of the verdict line\n"
    "  --force          write every check to the log, also when nothing changed since the last run\n"
    "  --imds URL|none  address of the Instance Metadata Service (default http://169.254.169.254)\n"
    "  --root DIR       read and write below DIR instead of /\n"
    "  --check-address  wait (default: 180 s) until every IPoIB interface has an IPv4 address, and warn when one has\n"
    "                   none; the exit code is 0 in both cases\n"
    "  --version, --help\n"
    "\n"
    "exit codes: 0 InfiniBand is ready; 10 no Hyper-V integration services; 12 operating system not supported;\n"
    "13 VM size without (SR-IOV) InfiniBand; 11 no InfiniBand function; 14 InfiniBand does not work; 1 wrong usage\n"
    "log: /var/log/azure/ib-vmext-status    status: /var/lib/ib-firstboot/status/0.status\n";

}  // namespace firstboot
