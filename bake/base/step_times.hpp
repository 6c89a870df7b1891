#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/base/progress.hpp"

namespace bake {

/// Forwards every message to another Progress, and remembers when each step and each call ran.
class StepTimes final : public Progress {
 public:
  explicit StepTimes(std::unique_ptr<Progress> to) : to_(std::move(to)) {}

  void step(std::string_view name) override;
  void detail(std::string_view text) override { to_->detail(text); }
  void warn(std::string_view text) override {
    ++warnings_;
    to_->warn(text);
  }
  void plan_steps(std::string_view guest, const std::vector<std::string>& names) override {
    to_->plan_steps(guest, names);
  }
  void work(std::uint64_t done, std::uint64_t total, std::string_view unit) override { to_->work(done, total, unit); }
  void part(std::string_view name, std::string_view state, Phase phase) override;
  void part_step(std::string_view name, const PartStep& step) override { to_->part_step(name, step); }
  void call(std::string_view name, Clock::time_point begin, Clock::time_point end) override;

  [[nodiscard]] std::size_t warnings() const override { return warnings_; }
  [[nodiscard]] std::vector<Span> steps() const override;
  /// Returns the calls so far, in the order of their ends.
  [[nodiscard]] const std::vector<Span>& calls() const { return calls_; }

 private:
  void begin_step(std::string name);

  std::unique_ptr<Progress> to_;
  std::vector<Span> steps_;
  std::vector<Span> calls_;
  std::size_t warnings_ = 0;
};

/// Returns the steps and calls as complete events of Chrome's trace format (phase "X", microseconds since the first
/// step), which ui.perfetto.dev and chrome://tracing show. Source: the document "Trace Event Format".
nlohmann::ordered_json chrome_trace(const StepTimes& times);

}  // namespace bake
