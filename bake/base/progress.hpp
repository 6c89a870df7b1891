#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bake {

/// Receives the messages of a job about its work. Rooms below cli never print; they call this interface.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;
  struct Span {
    std::string name;
    Clock::time_point begin;
    Clock::time_point end;

    [[nodiscard]] double seconds() const { return std::chrono::duration<double>(end - begin).count(); }
  };

  /// Where one of several parts that run at the same time is.
  enum class Phase { waiting, running, over };

  /// The step that a part runs.
  struct PartStep {
    std::string name;
    std::size_t number = 0;           ///< the first is 1
    std::optional<std::size_t> of;    ///< number of steps, if it is known
    std::optional<double> typical;    ///< seconds that this step took in earlier runs
    std::optional<unsigned> percent;  ///< of the step's work that is done, if it can be counted
  };

  virtual ~Progress() = default;
  /// Announces the steps that follow, by their names, in order. `guest` is the kind of the guest, for example
  /// "ubuntu 20.04"; empty if it is not known yet. A later call replaces the announcement. A step that was announced
  /// may be left out, and another one may come.
  virtual void plan_steps(std::string_view /*guest*/, const std::vector<std::string>& /*names*/) {}
  /// `done` of `total` units of the running step's work are done. Any thread may call it.
  virtual void work(std::uint64_t /*done*/, std::uint64_t /*total*/, std::string_view /*unit*/) {}
  /// One of several parts that run at the same time, for example an image of a fleet, is in a new state.
  virtual void part(std::string_view name, std::string_view state, Phase /*phase*/) {
    step(std::string(name) + ": " + std::string(state));
  }
  /// The part with this name runs `step`.
  virtual void part_step(std::string_view /*name*/, const PartStep& /*step*/) {}
  /// A named step begins; the previous one is over.
  virtual void step(std::string_view name) = 0;
  /// A detail of the running step, shown with -v and always logged.
  virtual void detail(std::string_view text) = 0;
  /// A warning: the user should know it, and the job continues.
  virtual void warn(std::string_view text) = 0;
  /// A call into the appliance, part of the running step, ran from `begin` to `end`. For traces.
  virtual void call(std::string_view /*name*/, Clock::time_point /*begin*/, Clock::time_point /*end*/) {}
  /// Returns how many warnings there were so far.
  [[nodiscard]] virtual std::size_t warnings() const { return 0; }
  /// Returns the steps so far, the running one until now; none when they are not recorded.
  [[nodiscard]] virtual std::vector<Span> steps() const { return {}; }
};

/// Reports the life of this object as a call.
class TimedCall {
 public:
  TimedCall(Progress& progress, std::string_view name) : progress_(progress), name_(name) {}
  ~TimedCall() { progress_.call(name_, begin_, Progress::Clock::now()); }
  TimedCall(const TimedCall&) = delete;
  TimedCall& operator=(const TimedCall&) = delete;

 private:
  Progress& progress_;
  std::string name_;
  Progress::Clock::time_point begin_ = Progress::Clock::now();
};

/// Prints nothing: for tests and for callers that need no messages.
class SilentProgress final : public Progress {
 public:
  void step(std::string_view /*name*/) override {}
  void detail(std::string_view /*text*/) override {}
  void warn(std::string_view /*text*/) override {}
};

}  // namespace bake
