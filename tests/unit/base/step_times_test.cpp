#include "bake/base/step_times.hpp"

#include <gtest/gtest.h>

namespace bake {
namespace {

TEST(StepTimes, BecomeATraceOfStepsAndCalls) {
  StepTimes times(std::make_unique<SilentProgress>());
  times.step("inspect");
  { const TimedCall call(times, "read /etc/fstab"); }
  times.step("verify");
  const auto steps = times.steps();
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].name, "inspect");
  EXPECT_EQ(steps[0].end, steps[1].begin);
  const auto trace = chrome_trace(times);
  ASSERT_EQ(trace.at("traceEvents").size(), 3U);
  const auto& first = trace["traceEvents"][0];
  const auto& call = trace["traceEvents"][2];
  EXPECT_EQ(first.at("name"), "inspect");
  EXPECT_EQ(first.at("cat"), "step");
  EXPECT_EQ(first.at("ph"), "X");
  EXPECT_EQ(first.at("ts"), 0);
  EXPECT_EQ(call.at("name"), "read /etc/fstab");
  EXPECT_EQ(call.at("cat"), "call");
  EXPECT_GE(call.at("ts").get<std::int64_t>(), 0);
  EXPECT_LE(call.at("ts").get<std::int64_t>() + call.at("dur").get<std::int64_t>(),
            first.at("dur").get<std::int64_t>() + 1);
  EXPECT_EQ(trace.dump().substr(0, 15), R"({"traceEvents":)");
}

TEST(StepTimes, CountWarnings) {
  StepTimes times(std::make_unique<SilentProgress>());
  EXPECT_EQ(times.warnings(), 0U);
  times.warn("something");
  EXPECT_EQ(times.warnings(), 1U);
}

TEST(StepTimes, WithoutAStepAreAnEmptyTrace) {
  EXPECT_EQ(chrome_trace(StepTimes(std::make_unique<SilentProgress>())).dump(),
            R"({"traceEvents":[],"displayTimeUnit":"ms"})");
}

}  // namespace
}  // namespace bake
