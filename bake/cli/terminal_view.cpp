#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <utility>
#include <vector>

#include "bake/cli/progress_view.hpp"

namespace bake::cli {
namespace {

using Phase = Progress::Phase;

/// The lower lines of the terminal are the running step and the running parts; they are drawn again after every change.
class TerminalView final : public ProgressView {
 public:
  TerminalView(std::ostream& err, bool verbose, std::function<TerminalSize()> size)
      : err_(err), verbose_(verbose), size_(std::move(size)) {}
  ~TerminalView() override { write(erased()); }
  TerminalView(const TerminalView&) = delete;
  TerminalView& operator=(const TerminalView&) = delete;

  void step(const StepState& step, double /*seconds*/) override {
    running_ = step;
    draw({});
  }
  void update(const StepState& step) override {
    // A count may come a thousand times in a second.
    const bool same_second = running_ && static_cast<long>(running_->seconds) == static_cast<long>(step.seconds);
    const bool first_count = running_ && step.work && !running_->work;
    running_ = step;
    if (!same_second || first_count) draw({});
  }
  void end_step(const StepState& step, bool failed) override {
    running_.reset();
    draw(finished_line(step, failed, columns()));
  }
  void detail(std::string_view text) override {
    if (verbose_) draw("          " + std::string(text));
  }
  void warn(std::string_view text) override { draw("bake: warning: " + std::string(text)); }

  void part(const std::string& name, std::string_view state, Phase phase, double seconds) override {
    auto known = find(name);
    auto line = fmt::format("{}: {}", name, state);
    if (phase != Phase::over) {
      if (known == parts_.end()) known = parts_.insert(parts_.end(), {name, {}, seconds, {}, 0});
      known->state = state;
      known->step.reset();
      return draw({});
    }
    if (known != parts_.end()) {
      line = fmt::format("{:>7}  {}", human_duration(seconds - known->began), line);
      parts_.erase(known);
    }
    draw(fit(line, columns()));
  }
  void part_step(const std::string& name, const Progress::PartStep& step, double seconds) override {
    const auto part = find(name);
    if (part == parts_.end()) return;
    if (!part->step || part->step->number != step.number || part->step->name != step.name) part->step_began = seconds;
    part->step = step;
    tick(seconds);
  }
  void tick(double seconds) override {
    now_ = seconds;
    if (!parts_.empty()) draw({});
  }
  void clear() override {
    running_.reset();
    parts_.clear();
    draw({});
  }

 private:
  struct Part {
    std::string name, state;
    double began = 0;
    std::optional<Progress::PartStep> step;
    double step_began = 0;
  };

  std::vector<Part>::iterator find(const std::string& name) {
    return std::find_if(parts_.begin(), parts_.end(), [&](const Part& part) { return part.name == name; });
  }

  /// One column less than the terminal has: some terminals begin a new line after the last column.
  [[nodiscard]] std::size_t columns() const { return std::max<std::size_t>(size_().columns, 2) - 1; }

  [[nodiscard]] std::string line_of(const Part& part) const {
    if (!part.step) return fit(fmt::format("{}: {}", part.name, part.state), columns());
    const auto& step = *part.step;
    StepState state{step.name, step.number, step.of, step.typical, std::max(0.0, now_ - part.step_began), {}};
    if (step.percent) state.work = Work{*step.percent, 100, "percent", 0, 0};
    const auto name = fit(part.name, columns() / 3) + ": ";
    return fit(name + running_line(state, columns() - std::min(columns(), name.size())), columns());
  }

  [[nodiscard]] std::vector<std::string> lower_lines() const {
    std::vector<std::string> lines;
    if (running_) lines.push_back(running_line(*running_, columns()));
    for (const auto& part : parts_) lines.push_back(line_of(part));
    const auto room = std::max<std::size_t>(size_().lines, 4) - 2;
    if (lines.size() > room) {
      const auto more = lines.size() - room + 1;
      lines.resize(room - 1);
      lines.push_back(fmt::format("and {} more", more));
    }
    return lines;
  }

  /// Returns what erases the lower lines and leaves the cursor at the begin of the first one.
  std::string erased() {
    if (drawn_ == 0) return {};
    const auto up = std::exchange(drawn_, 0) - 1;
    return "\r" + (up > 0 ? fmt::format("\033[{}A", up) : std::string()) + "\033[J";
  }

  /// Writes a line that stays, if it is not empty, and the lower lines again.
  void draw(const std::string& staying) {
    auto text = erased();
    if (!staying.empty()) text += staying + "\n";
    const auto lines = lower_lines();
    for (std::size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "" : "\n") + lines[i];
    drawn_ = lines.size();
    write(text);
  }

  /// Not with <<: it would flush standard output, to which standard error is tied, while the job may write to it.
  void write(const std::string& text) {
    if (text.empty()) return;
    err_.rdbuf()->sputn(text.data(), static_cast<std::streamsize>(text.size()));
    err_.rdbuf()->pubsync();
  }

  std::ostream& err_;
  bool verbose_;
  std::function<TerminalSize()> size_;
  std::optional<StepState> running_;
  std::vector<Part> parts_;
  std::size_t drawn_ = 0;
  double now_ = 0;
};

}  // namespace

std::unique_ptr<ProgressView> make_terminal_view(std::ostream& err, bool verbose, std::function<TerminalSize()> size) {
  return std::make_unique<TerminalView>(err, verbose, std::move(size));
}

}  // namespace bake::cli
