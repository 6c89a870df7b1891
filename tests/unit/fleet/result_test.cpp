// The results of a fleet that the next run reads: content address, result file, exit code.
#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/fleet/plan.hpp"
#include "bake/fleet/report.hpp"

namespace bake::fleet {
namespace {

const job::KeyParts parts{"b", "r", "d", "m", "v"};

TEST(FleetKey, DependsOnEveryPart) {
  EXPECT_EQ(job::key_of(parts), job::key_of(parts));
  for (auto member : {&job::KeyParts::base, &job::KeyParts::recipe, &job::KeyParts::driver, &job::KeyParts::matrix,
                      &job::KeyParts::bake}) {
    auto other = parts;
    other.*member = "x";
    EXPECT_NE(job::key_of(other), job::key_of(parts));
  }
}

TEST(FleetKey, NamesTheFirstDifference) {
  EXPECT_EQ(job::first_difference(parts, parts), "");
  EXPECT_EQ(job::first_difference(parts, {"b", "x", "d", "x", "v"}), "the recipe");
  EXPECT_EQ(job::first_difference(parts, {"b", "r", "d", "m", "w"}), "bake itself");
}

TEST(FleetResult, WrittenAndReadBackIsTheSame) {
  ImageResult result;
  result.seconds = 12.5;
  result.run = "run";
  result.ofed = "5.5";
  result.key = parts;
  result.base = {"b", FileIdentity{1, 2, 3, 4}};
  result.output = {"o", {}};
  const auto again = parse_result(to_json(result).dump());
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), to_json(result));
  EXPECT_EQ(to_json(result).at("key_parts"), job::to_json(parts));
  EXPECT_EQ(again->base.identity, result.base.identity);
}

TEST(FleetResult, ATruncatedOneIsMissing) {
  const auto whole = to_json(ImageResult{}).dump();
  EXPECT_TRUE(parse_result(whole));
  EXPECT_FALSE(parse_result(whole.substr(0, whole.size() - 5)));
  EXPECT_FALSE(parse_result("{}"));
  EXPECT_FALSE(parse_result(replace_all(whole, "bake-result/v1", "bake-result/v2")));
}

TEST(FleetWorst, IsTheMostUrgentStatus) {
  EXPECT_EQ(worst_status(std::vector<int>{}), 0);
  EXPECT_EQ(worst_status(std::vector<int>{0, 0}), 0);
  EXPECT_EQ(worst_status(std::vector<int>{0, 2, 5, 3}), 3);
  EXPECT_EQ(worst_status(std::vector<int>{3, 1, 6}), 6);
  EXPECT_EQ(worst_status(std::vector<int>{6, 7, 4, 1}), 4);
  EXPECT_EQ(worst_status(std::vector<int>{4, 70, 0}), 70);
  EXPECT_EQ(worst_status(std::vector<int>{70, 130}), 130);
  EXPECT_EQ(worst_status(std::vector<int>{99, 3}), 1);  // not an exit code of bake: failed
}

}  // namespace
}  // namespace bake::fleet
