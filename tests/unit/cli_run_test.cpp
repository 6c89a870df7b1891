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
                                     {"--json", "no-such-command"},
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

TEST(CommandLine, HelpIsNoError) {
  const auto result = bake({"--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace bake::cli
