#include "bake/appliance/time_limit.hpp"

#include <gtest/gtest.h>

#include "tests/support/error_of.hpp"

namespace bake::guest {
namespace {

using namespace std::chrono_literals;

TEST(TimeLimit, WithoutADeadlineEachProgramHasTheSameTime) {
  const TimeLimit::Clock::time_point start{};
  const TimeLimit limit(30s, std::nullopt, start);
  EXPECT_EQ(limit.next(start), 30s);
  EXPECT_EQ(limit.next(start + 1000h), 30s);
  EXPECT_FALSE(limit.is_rest(30s));
}

TEST(TimeLimit, AProgramHasTheRestOfTheTimeUpToTheDeadline) {
  const TimeLimit::Clock::time_point start{};
  const TimeLimit limit(30s, 100s, start);
  EXPECT_EQ(limit.next(start), 30s);
  EXPECT_EQ(limit.next(start + 70s), 30s);
  EXPECT_EQ(limit.next(start + 70500ms), 30s) << "29.5 seconds are left";
  EXPECT_EQ(limit.next(start + 75s), 25s);
  EXPECT_EQ(limit.next(start + 99900ms), 1s);
  EXPECT_TRUE(limit.is_rest(25s));
  EXPECT_FALSE(limit.is_rest(30s));
  EXPECT_EQ(limit.all(), 100s);
}

TEST(TimeLimit, NothingRunsAfterTheDeadline) {
  const TimeLimit::Clock::time_point start{};
  TimeLimit limit(30s, 100s, start);
  limit.set_each(1h);
  EXPECT_EQ(limit.next(start), 100s);
  const auto error = error_of([&] { static_cast<void>(limit.next(start + 100s)); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_EQ(error.message(), "looking at the guest: not finished within 100 seconds");
  EXPECT_EQ(error_of([&] { limit.require_time(start + 1h); }).message(), error.message());
}

}  // namespace
}  // namespace bake::guest
