#include "bake/verify/check.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "bake/base/error.hpp"

namespace bake::verify {
namespace {

using Json = nlohmann::ordered_json;

/// Advice that failed.
Check advice(const std::string& rule) {
  Check check(rule, false, "found");
  check.level = Level::advice;
  check.source = "LISA";
  check.remedy = "change it";
  return check;
}

TEST(Check, HasOneOfThreeStates) {
  EXPECT_EQ(Check("kernel", true, "e").status, Status::passed);
  EXPECT_EQ(Check("kernel", false, "e").status, Status::failed);
  EXPECT_EQ(skipped("kernel", "no reason"), (Check{"kernel", Status::skipped, "no reason"}));
}

TEST(Check, JsonHasTheStateAndNoKeyThatSkippedChecksShareWithPassedOnes) {
  EXPECT_EQ(to_json({{"kernel", true, "5.4 boots"}, {"module", false, "missing"}, skipped("holds", "none planned")}),
            Json::parse(R"([{"check":"kernel","level":"required","status":"passed","evidence":"5.4 boots"},
                            {"check":"module","level":"required","status":"failed","evidence":"missing"},
                            {"check":"holds","level":"required","status":"skipped","evidence":"none planned"}])"));
  EXPECT_EQ(to_json({advice("swap")}),
            Json::parse(R"([{"check":"swap","level":"advice","status":"failed","evidence":"found",
                             "source":"LISA","remedy":"change it"}])"));
}

TEST(Samples, KeepTheFirstTwentyTexts) {
  Samples samples;
  EXPECT_TRUE(samples.empty());
  EXPECT_EQ(samples.text(), "");
  samples.add("a");
  samples.add(std::string(1001, 'b'));
  EXPECT_EQ(samples.text("; "), fmt::format("a; {} …", std::string(1000, 'b')));
  for (int i = 0; i < 1000000; ++i) samples.add("c");
  EXPECT_TRUE(samples.text().ends_with(", c, c and 999982 more")) << samples.text();
}

TEST(Check, SummaryCountsEachState) {
  EXPECT_EQ(summary_of({}), "0 passed, 0 failed, 0 skipped");
  EXPECT_EQ(summary_of({{"a", true, ""}, {"b", true, ""}, {"c", false, ""}, skipped("d", "")}),
            "2 passed, 1 failed, 1 skipped");
  EXPECT_EQ(summary_of({{"a", true, ""}, advice("swap")}), "1 passed, 0 failed, 0 skipped, 1 advice");
}

TEST(Check, OnlyAFailedCheckFailsTheImage) {
  const std::vector<Check> good{{"kernel", true, "5.4 boots"}, skipped("holds", "none planned")};
  EXPECT_TRUE(is_good(good));
  EXPECT_NO_THROW(require(good, "out.vhd"));
  const std::vector<Check> bad{{"kernel", false, "5.3 boots"}, skipped("holds", "none planned")};
  EXPECT_FALSE(is_good(bad));
  try {
    require(bad, "out.vhd");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::verification);
    EXPECT_EQ(error.message(), "verifying 'out.vhd': kernel: 5.3 boots");
  }
}

TEST(Check, AdviceFailsOnlyAStrictVerification) {
  std::vector<Check> checks{{"kernel", true, "5.4 boots"}, advice("swap")};
  EXPECT_TRUE(is_good(checks));
  EXPECT_STREQ(word_for(checks[1]), "advice");
  EXPECT_NO_THROW(require(checks, "out.vhd"));
  make_strict(checks);
  EXPECT_FALSE(is_good(checks));
  EXPECT_STREQ(word_for(checks[1]), "failed");
  EXPECT_EQ(summary_of(checks), "1 passed, 1 failed, 0 skipped");
  try {
    require(checks, "out.vhd");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.kind()), 7);
    EXPECT_EQ(error.message(), "verifying 'out.vhd': swap: found (change it)");
  }
}

}  // namespace
}  // namespace bake::verify
