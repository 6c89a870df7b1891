// The JSON document of an error, and hints that several problems share.
#include <gtest/gtest.h>
#include <sstream>

#include "bake/cli/remedy.hpp"
#include "bake/commands/commands.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake::cli {
namespace {

class ErrorDocument : public DiskTest {};

TEST_F(ErrorDocument, HasEveryProblemOfARecipeAndTheExitCode) {
  const auto recipe = at("r.yaml").string();
  write_text_atomically(recipe,
                        "schema: bake/v1\nbase: b.vhd\nos: ubuntu\nvm_sizes: [Standard_HB120rs_v3]\nofed: nine\n");
  std::ostringstream out, err;
  EXPECT_EQ(run({"--json", "plan", recipe}, out, err), 5);
  const auto error = Json::parse(out.str()).at("error");
  EXPECT_EQ(error.at("exit_code"), 5);
  ASSERT_EQ(error.at("problems").size(), 2U) << error.dump(1);
  EXPECT_EQ(error.at("problems")[0].at("file"), recipe);
  EXPECT_EQ(error.at("problems")[0].at("line"), 3);
  EXPECT_EQ(error.at("problems")[0].at("where"), recipe + ":3");
  EXPECT_EQ(error.at("problems")[1].at("line"), 5);
}

TEST_F(ErrorDocument, HasEveryProblemOfAFleet) {
  const auto fleet = at("f.yaml").string();
  write_text_atomically(fleet, "schema: bake/fleet/v1\nimages: [{recipe: a.yaml}, {recipe: b.yaml}]\n");
  std::ostringstream out, err;
  EXPECT_EQ(run({"--json", "batch", fleet}, out, err), 5);
  const auto error = Json::parse(out.str()).at("error");
  ASSERT_EQ(error.at("problems").size(), 2U) << error.dump(1);
  EXPECT_EQ(error.at("problems")[0].at("file"), fleet);
  EXPECT_EQ(error.at("problems")[0].at("line"), 2);
}

TEST_F(ErrorDocument, OfOneThingHasNoProblems) {
  std::ostringstream out, err;
  EXPECT_EQ(run({"--json", "plan", "/nosuch"}, out, err), 2);
  const auto error = Json::parse(out.str()).at("error");
  EXPECT_EQ(error.at("problems"), Json::array());
  EXPECT_EQ(error.at("exit_code"), 2);
}

TEST(Problems, WithTheSameHintShowItOnce) {
  try {
    throw_if_any(ErrorKind::config, "reading", {{"f:1", "one", "do x"}, {"f:2", "two", "do x"}, {"", "three", "do y"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "reading: 3 problems\n  f:1: one (do x)\n  f:2: two\n  three (do y)");
    EXPECT_EQ(error.problems().size(), 3U);
  }
}

TEST(Problems, ThatAreNotALineOfAFileHaveNoFile) {
  Error error(ErrorKind::incompatible, "planning");
  error.set_problems({{"kernel", "no", ""}, {"a:b", "no", ""}, {"x.yaml:12", "yes", ""}});
  std::ostringstream out, err;
  const Context context(out, err);
  const auto problems = to_json(context, error).at("problems");
  EXPECT_EQ(problems[0].at("file"), nullptr);
  EXPECT_EQ(problems[1].at("line"), nullptr);
  EXPECT_EQ(problems[2].at("file"), "x.yaml");
  EXPECT_EQ(problems[2].at("line"), 12);
}

}  // namespace
}  // namespace bake::cli
