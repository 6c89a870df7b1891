#include "bake/cli/progress_view.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <fstream>
#include <sys/ioctl.h>
#include <system_error>
#include <utility>

#include "bake/base/error.hpp"

namespace bake::cli {
namespace {

using Phase = Progress::Phase;

std::string step_line(double seconds, std::string_view text) { return fmt::format("[{:6.1f}s] {}", seconds, text); }

class PlainView final : public ProgressView {
 public:
  PlainView(std::ostream& err, bool steps, bool verbose) : err_(err), steps_(steps), verbose_(verbose) {}

  void step(const StepState& step, double seconds) override {
    if (steps_) err_ << step_line(seconds, step.name) << std::endl;
  }
  void detail(std::string_view text) override {
    if (verbose_) err_ << "          " << text << std::endl;
  }
  void warn(std::string_view text) override { err_ << "bake: warning: " << text << std::endl; }
  void part(const std::string& name, std::string_view state, Phase /*phase*/, double seconds) override {
    if (steps_) err_ << step_line(seconds, fmt::format("{}: {}", name, state)) << std::endl;
  }

 private:
  std::ostream& err_;
  bool steps_, verbose_;
};

class LogView final : public ProgressView {
 public:
  explicit LogView(const std::string& file) {
    errno = 0;
    log_.open(file, std::ios::app);
    if (!log_)
      throw Error(ErrorKind::usage, fmt::format("opening log '{}': {}", file, std::generic_category().message(errno)));
  }
  void step(const StepState& step, double seconds) override { log_ << step_line(seconds, step.name) << std::endl; }
  void detail(std::string_view text) override { log_ << "          " << text << std::endl; }
  void warn(std::string_view text) override { log_ << "warning: " << text << std::endl; }
  void part(const std::string& name, std::string_view state, Phase /*phase*/, double seconds) override {
    log_ << step_line(seconds, fmt::format("{}: {}", name, state)) << std::endl;
  }

 private:
  std::ofstream log_;
};

}  // namespace

TerminalSize terminal_size(int descriptor) {
  winsize size{};
  TerminalSize found;
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0) return found;
  if (size.ws_col > 0) found.columns = size.ws_col;
  if (size.ws_row > 0) found.lines = size.ws_row;
  return found;
}

std::unique_ptr<ProgressView> make_plain_view(std::ostream& err, bool steps, bool verbose) {
  return std::make_unique<PlainView>(err, steps, verbose);
}

std::unique_ptr<ProgressView> make_log_view(const std::string& file) { return std::make_unique<LogView>(file); }

}  // namespace bake::cli
