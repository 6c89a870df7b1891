#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "bake/base/progress.hpp"
#include "bake/cli/step_line.hpp"

namespace bake::cli {

/// Shows progress in one way. ConsoleProgress calls it, never from two threads at once. Texts have no control
/// characters; `seconds` is the time since the start of the run.
class ProgressView {
 public:
  virtual ~ProgressView() = default;
  virtual void step(const StepState& step, double seconds) = 0;
  virtual void detail(std::string_view text) = 0;
  virtual void warn(std::string_view text) = 0;
  /// The state of the running step changed: its work or its time.
  virtual void update(const StepState& /*step*/) {}
  virtual void end_step(const StepState& /*step*/, bool /*failed*/) {}
  virtual void part(const std::string& name, std::string_view state, Progress::Phase phase, double seconds) = 0;
  virtual void part_step(const std::string& /*name*/, const Progress::PartStep& /*step*/, double /*seconds*/) {}
  /// Another second is over.
  virtual void tick(double /*seconds*/) {}
  /// Nothing runs any more: a result or an error is written next.
  virtual void clear() {}
  virtual void end_run(int /*status*/, double /*seconds*/) {}
};

/// The size of a terminal in characters.
struct TerminalSize {
  std::size_t columns = 80;
  std::size_t lines = 24;
};

/// Returns the size of the terminal of `descriptor`, or 80 × 24 if there is none or it does not know.
TerminalSize terminal_size(int descriptor);

/// Lines "[  12.3s] step" on `err`; details if `verbose`; without `steps` only warnings.
std::unique_ptr<ProgressView> make_plain_view(std::ostream& err, bool steps, bool verbose);

/// The same, always with details, appended to a file. Throws Error{usage} when it cannot be opened.
std::unique_ptr<ProgressView> make_log_view(const std::string& file);

/// A line for each finished step and, below them, the running step and the running parts.
std::unique_ptr<ProgressView> make_terminal_view(std::ostream& err, bool verbose, std::function<TerminalSize()> size);

/// One JSON document on a line for each event (docs/environment.md). `write` gets each line, with its end.
std::unique_ptr<ProgressView> make_json_view(std::function<void(const std::string&)> write, bool steps, bool verbose);

}  // namespace bake::cli
