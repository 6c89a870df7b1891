#include "bake/cli/progress.hpp"

#include <cerrno>
#include <chrono>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <streambuf>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"

namespace bake::cli {
namespace {

using Clock = std::chrono::steady_clock;

class ConsoleProgress final : public Progress {
 public:
  enum class Style { none, plain, tty };

  ConsoleProgress(std::ostream& out, std::ostream& err, Style style, bool verbose, const std::string& log_file)
      : out_(out), err_(err), style_(style), verbose_(verbose) {
    if (!log_file.empty()) open_log(log_file);
    if (style_ == Style::tty) tied_before_ = out_.tie(&before_results_);  // last, because the destructor unties it
  }
  ~ConsoleProgress() override {
    if (style_ == Style::tty) out_.tie(tied_before_);
    end_line();
  }
  ConsoleProgress(const ConsoleProgress&) = delete;
  ConsoleProgress& operator=(const ConsoleProgress&) = delete;

  void step(std::string_view name) override {
    const auto line = fmt::format("[{:6.1f}s] {}", elapsed(), without_controls(name));
    if (log_) log_ << line << std::endl;
    if (style_ == Style::plain) err_ << line << std::endl;
    if (style_ == Style::tty) {
      err_ << "\r\033[K" << line << std::flush;
      line_open_ = true;
    }
  }
  void detail(std::string_view hostile) override {
    const auto text = without_controls(hostile);
    if (log_) log_ << "          " << text << std::endl;
    if (verbose_ && style_ != Style::none) say(fmt::format("          {}", text));
  }
  void warn(std::string_view hostile) override {
    const auto text = without_controls(hostile);
    if (log_) log_ << "warning: " << text << std::endl;
    say(fmt::format("bake: warning: {}", text));
  }

 private:
  void open_log(const std::string& file) {
    errno = 0;
    log_.open(file, std::ios::app);
    if (!log_)
      throw Error(ErrorKind::usage, fmt::format("opening log '{}': {}", file, std::generic_category().message(errno)));
  }
  [[nodiscard]] double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  void end_line() {
    if (!std::exchange(line_open_, false)) return;
    err_ << "\r\033[K" << std::flush;
  }
  void say(std::string_view line) {
    end_line();
    err_ << line << std::endl;
  }

  /// Clears the progress line of a terminal before a result is written after it: a stream flushes the stream that it is
  /// tied to before it writes.
  class LineEnd final : public std::streambuf {
   public:
    explicit LineEnd(ConsoleProgress& progress) : progress_(progress) {}
    int sync() override {
      progress_.end_line();
      return 0;
    }

   private:
    ConsoleProgress& progress_;
  };

  std::ostream& out_;
  std::ostream& err_;
  LineEnd line_end_{*this};
  std::ostream before_results_{&line_end_};
  std::ostream* tied_before_ = nullptr;
  Style style_;
  bool verbose_;
  bool line_open_ = false;
  std::ofstream log_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

std::unique_ptr<Progress> make_progress(Context& context) {
  using Style = ConsoleProgress::Style;
  Style style = Style::plain;
  if (context.quiet || context.progress_mode == "none")
    style = Style::none;
  else if (context.progress_mode == "tty" ||
           (context.progress_mode == "auto" && &context.err == &std::cerr && ::isatty(STDERR_FILENO) == 1))
    style = Style::tty;
  return std::make_unique<ConsoleProgress>(context.out, context.err, style, context.verbose, context.log_file);
}

StepTimes& Context::progress() {
  if (!progress_) progress_ = std::make_unique<StepTimes>(make_progress(*this));
  return *progress_;
}

void Context::print(const Json& document) {
  out << document.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace bake::cli
