// The command line itself, before any command.
#include <gtest/gtest.h>
#include <sstream>

#include "bake/cli/context.hpp"

namespace bake::cli {
namespace {

struct Result {
  int status = 0;
  std::string out, err;
};

Result bake(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const int status = run(arguments, out, err);
  return {status, out.str(), err.str()};
}

TEST(CommandLine, WrongUsageIsOneSentenceAndAHint) {
  const auto result = bake({"image"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(
      result.err,
      "bake: error: recipe is required\nbake: hint: 'bake --help' and 'bake COMMAND --help' list what there is\n");
}

TEST(CommandLine, WrongUsageIsADocumentWithJson) {
  using Arguments = std::vector<std::string>;
  const std::vector<Arguments> wrong{{"--json", "image"},
                                     {"image", "--json"},
                                     {"--json"},
                                     {"image", "--no-such-option", "--json"},
                                     {"--json", "--progress", "sometimes", "doctor"},
                                     {"plan", "a.yaml", "--json", "--log"}};
  for (const auto& arguments : wrong) {
    const auto result = bake(arguments);
    EXPECT_EQ(result.status, 2);
    const auto document = Json::parse(result.out, nullptr, false);
    ASSERT_FALSE(document.is_discarded()) << arguments.back() << ": " << result.out;
    EXPECT_EQ(document.at("error").at("kind"), "usage");
    EXPECT_EQ(document.at("error").at("hint"), "'bake --help' and 'bake COMMAND --help' list what there is");
    EXPECT_EQ("bake: error: " + document.at("error").at("message").get<std::string>(),
              result.err.substr(0, result.err.find('\n')));
  }
}

TEST(CommandLine, AMistypedCommandIsNamedWithTheClosest) {
  EXPECT_EQ(bake({"--store", "/nowhere", "pln", "image.yaml"}).err,
            "bake: error: there is no command 'pln'\nbake: hint: did you mean 'plan'?\n");
  EXPECT_EQ(bake({"bundle", "foo"}).err,
            "bake: error: there is no command 'foo'\nbake: hint: there are add, list, show, verify, remove, trust\n");
  const auto result = bake({"--json", "imge"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(Json::parse(result.out).at("error").at("message"), "there is no command 'imge'");
}

TEST(CommandLine, ASizeThatNobodyKnowsIsRefusedBeforeTheDiskIsLookedAt) {
  const auto result = bake({"init", "/nowhere/base.vhd", "--vm-size", "HB120rs_v22"});
  EXPECT_NE(result.err.find("VM size 'HB120rs_v22'"), std::string::npos) << result.err;
}

TEST(CommandLine, HelpIsNoError) {
  const auto result = bake({"--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace bake::cli
