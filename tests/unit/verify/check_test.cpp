#include "bake/verify/check.hpp"

#include <gtest/gtest.h>

#include "bake/base/error.hpp"

namespace bake::verify {
namespace {

using Json = nlohmann::ordered_json;

TEST(Check, HasOneOfThreeStates) {
  EXPECT_EQ(Check("kernel", true, "e").status, Status::passed);
  EXPECT_EQ(Check("kernel", false, "e").status, Status::failed);
  EXPECT_EQ(skipped("kernel", "no reason"), (Check{"kernel", Status::skipped, "no reason"}));
}

TEST(Check, JsonHasTheStateAndNoKeyThatSkippedChecksShareWithPassedOnes) {
  EXPECT_EQ(to_json({{"kernel", true, "5.4 boots"}, {"module", false, "missing"}, skipped("holds", "none planned")}),
            Json::parse(R"([{"check":"kernel","status":"passed","evidence":"5.4 boots"},
                            {"check":"module","status":"failed","evidence":"missing"},
                            {"check":"holds","status":"skipped","evidence":"none planned"}])"));
}

TEST(Check, SummaryCountsEachState) {
  EXPECT_EQ(summary_of({}), "0 passed, 0 failed, 0 skipped");
  EXPECT_EQ(summary_of({{"a", true, ""}, {"b", true, ""}, {"c", false, ""}, skipped("d", "")}),
            "2 passed, 1 failed, 1 skipped");
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

}  // namespace
}  // namespace bake::verify
