#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <ostream>
#include <stop_token>
#include <streambuf>
#include <string>
#include <thread>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/cli/context.hpp"
#include "bake/cli/progress_view.hpp"
#include "bake/cli/typical_times.hpp"

namespace bake::cli {

/// Counts the steps of a job, times them, and shows them with every view. Safe to use from several threads.
class ConsoleProgress final : public Progress {
 public:
  using Now = std::function<Clock::time_point()>;

  /// `history` has the times of earlier runs.
  ConsoleProgress(std::vector<std::unique_ptr<ProgressView>> views, TypicalTimes history, Now now = Clock::now);
  ~ConsoleProgress() override;
  ConsoleProgress(const ConsoleProgress&) = delete;
  ConsoleProgress& operator=(const ConsoleProgress&) = delete;

  void step(std::string_view name) override;
  void detail(std::string_view text) override;
  void warn(std::string_view text) override;
  void plan_steps(std::string_view guest, const std::vector<std::string>& names) override;
  void work(std::uint64_t done, std::uint64_t total, std::string_view unit) override;
  void part(std::string_view name, std::string_view state, Phase phase) override;
  void part_step(std::string_view name, const PartStep& step) override;

  /// Draws the running step again, with the time that has passed.
  void tick();
  /// Calls tick() once in a second, in another thread.
  void start_ticking();
  /// Ends the running step before a result is written to `out`, which may be the same terminal.
  void watch_results(std::ostream& out);
  /// The running step and parts are over, because a result or an error is printed.
  void end_step(bool failed);
  /// Shows the end of the run with its exit code. Call it once, after everything else.
  void end_run(int status);

  /// One step of a job on a guest, and how long it took.
  struct TimedStep {
    std::string guest, name;
    double seconds;
  };
  /// Returns the finished steps of jobs that announced their steps.
  [[nodiscard]] const std::vector<TimedStep>& timed_steps() const { return timed_; }

 private:
  /// A stream flushes the stream that it is tied to before it writes.
  class BeforeResult final : public std::streambuf {
   public:
    explicit BeforeResult(ConsoleProgress& progress) : progress_(progress) {}
    int sync() override {
      progress_.end_step(false);
      return 0;
    }

   private:
    ConsoleProgress& progress_;
  };

  [[nodiscard]] double since(Clock::time_point begin) const;
  void end_running(bool failed);
  void count_step(std::string name);
  void update();

  std::mutex mutex_;
  std::vector<std::unique_ptr<ProgressView>> views_;
  TypicalTimes history_;
  Now now_;
  Clock::time_point start_;
  std::string guest_;
  bool announced_ = false;
  std::vector<std::string> planned_;  ///< kinds of the steps that have not begun
  std::size_t begun_ = 0;
  std::optional<StepState> running_;
  Clock::time_point began_, work_began_;
  std::vector<TimedStep> timed_;
  BeforeResult before_result_{*this};
  std::ostream before_results_{&before_result_};
  std::ostream* watched_ = nullptr;
  std::ostream* tied_before_ = nullptr;
  std::condition_variable_any wake_;
  std::jthread ticker_;  // last, because it uses the other members
};

/// Returns the reporter for the options of `context`: "[  12.3s] step" lines (plain); finished steps and a line for the
/// running one (tty); JSON lines (json); or only warnings (none, --quiet). "auto" is tty when standard error is a
/// terminal.
std::unique_ptr<ConsoleProgress> make_progress(Context& context);

}  // namespace bake::cli
