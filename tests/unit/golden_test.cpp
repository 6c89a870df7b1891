#include "tests/support/golden.hpp"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "bake/base/file.hpp"
#include "tests/support/golden_plans.hpp"

namespace bake::testing {
namespace {

/// Sets BAKE_ACCEPT_GOLDEN for one test, and restores its value afterwards.
class GoldenFile : public ::testing::Test {
 protected:
  GoldenFile() {
    const char* value = std::getenv("BAKE_ACCEPT_GOLDEN");
    was_set_ = value != nullptr;
    if (was_set_) previous_ = value;
    ::unsetenv("BAKE_ACCEPT_GOLDEN");
    write_text_atomically(file_, "old\n");
  }
  ~GoldenFile() override {
    if (was_set_)
      ::setenv("BAKE_ACCEPT_GOLDEN", previous_.c_str(), 1);
    else
      ::unsetenv("BAKE_ACCEPT_GOLDEN");
  }

  TemporaryDirectory scratch_;
  std::filesystem::path file_ = scratch_.path() / "plan.json";
  bool was_set_ = false;
  std::string previous_;
};

TEST_F(GoldenFile, IsCompared) {
  expect_content(file_, "old\n");
  EXPECT_NONFATAL_FAILURE(expect_content(file_, "new\n"), "golden file");
  EXPECT_EQ(read_text(file_), "old\n");
}

TEST_F(GoldenFile, IsWrittenAndFailsTheTestWhenAccepted) {
  ::setenv("BAKE_ACCEPT_GOLDEN", "1", 1);
  EXPECT_NONFATAL_FAILURE(expect_content(file_, "new\n"), "BAKE_ACCEPT_GOLDEN=1 wrote");
  EXPECT_EQ(read_text(file_), "new\n");
  EXPECT_NONFATAL_FAILURE(expect_content(file_, "new\n"), "BAKE_ACCEPT_GOLDEN=1 wrote");
}

TEST(GoldenPlans, AreOnePlanAndDifferences) {
  const nlohmann::ordered_json plan{{"os", "a"}, {"changes", {"x", "y"}}};
  auto other = plan;
  other["os"] = "b";
  other["changes"].push_back("z");
  EXPECT_EQ(plans_as_differences({{"first", plan}, {"second", other}}), R"({
 "base": "first",
 "plan": {
  "os": "a",
  "changes": [
   "x",
   "y"
  ]
 },
 "differences": {
  "second": [
   {"op":"replace","path":"/os","value":"b"},
   {"op":"add","path":"/changes/-","value":"z"}
  ]
 }
}
)");
}

}  // namespace
}  // namespace bake::testing
