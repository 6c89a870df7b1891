#include "bake/base/step_times.hpp"

namespace bake {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t microseconds(Progress::Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

Json event_of(const StepTimes::Span& span, std::string_view category, Progress::Clock::time_point start) {
  return {{"name", span.name},
          {"cat", category},
          {"ph", "X"},
          {"ts", microseconds(span.begin - start)},
          {"dur", microseconds(span.end - span.begin)},
          {"pid", 1},
          {"tid", 1}};
}

}  // namespace

void StepTimes::begin_step(std::string name) {
  const auto now = Clock::now();
  if (!steps_.empty()) steps_.back().end = now;
  steps_.push_back({std::move(name), now, now});
}

void StepTimes::step(std::string_view name) {
  begin_step(std::string(name));
  to_->step(name);
}

void StepTimes::part(std::string_view name, std::string_view state, Phase phase) {
  begin_step(std::string(name) + ": " + std::string(state));
  to_->part(name, state, phase);
}

void StepTimes::call(std::string_view name, Clock::time_point begin, Clock::time_point end) {
  calls_.push_back({std::string(name), begin, end});
  to_->call(name, begin, end);
}

std::vector<StepTimes::Span> StepTimes::steps() const {
  auto steps = steps_;
  if (!steps.empty()) steps.back().end = Clock::now();
  return steps;
}

Json chrome_trace(const StepTimes& times) {
  auto events = Json::array();
  const auto steps = times.steps();
  const auto start = !steps.empty()           ? steps.front().begin
                     : !times.calls().empty() ? times.calls().front().begin
                                              : Progress::Clock::time_point{};
  for (const auto& step : steps) events.push_back(event_of(step, "step", start));
  for (const auto& call : times.calls()) events.push_back(event_of(call, "call", start));
  return {{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}};
}

}  // namespace bake
