#include "bake/base/yaml.hpp"

#include <gtest/gtest.h>

namespace bake::yaml {
namespace {

TEST(Yaml, ReportsEveryProblemWithItsLine) {
  std::vector<Problem> problems;
  const auto node = parse("name: a\nvm_szies: [x]\ncount: many\nname: b\nflag: maybe\n", "r.yaml", problems);
  MapReader reader(node, "recipe", "r.yaml", problems);
  EXPECT_EQ(reader.required_text("name"), "a");
  EXPECT_TRUE(reader.texts("vm_sizes").empty());
  EXPECT_EQ(reader.number_or("count", 7, 0, 9), 7);
  EXPECT_TRUE(reader.flag_or("flag", true));
  EXPECT_EQ(reader.required_text("os"), "");
  reader.finish();
  const std::vector<Problem> expected{
      {"r.yaml:4", "duplicate key 'name' in recipe", ""},
      {"r.yaml:3", "'count' must be a whole number from 0 to 9, not 'many'", ""},
      {"r.yaml:5", "'flag' must be true or false, not 'maybe'", ""},
      {"r.yaml:1", "recipe has no 'os'", ""},
      {"r.yaml:2", "unknown key 'vm_szies' in recipe", "did you mean 'vm_sizes'?"},
  };
  EXPECT_EQ(problems, expected);
}

TEST(Yaml, SyntaxErrorIsAProblemNotAnException) {
  std::vector<Problem> problems;
  parse("a: [1, 2\nb: {", "r.yaml", problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].where.rfind("r.yaml:", 0), 0U);
}

TEST(Yaml, RefusesDeepNesting) {
  std::vector<Problem> problems;
  parse(std::string(40, '[') + std::string(40, ']'), "r.yaml", problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].message, "nested too deeply");
}

TEST(Yaml, RefusesAliasesThatMultiply) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const auto last = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 1; j < 10; ++j) text += ", " + last;
    text += "]\n";
  }
  EXPECT_LT(text.size(), 2048U);
  std::vector<Problem> problems;
  parse(text, "r.yaml", problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].message, "too large: its aliases repeat too much");
}

TEST(Yaml, CountsTheTextOfKeys) {
  std::string text = "a: &a {" + std::string(1000, 'k') + ": 1}\nb: [*a";
  for (int i = 0; i < 80000; ++i) text += ",*a";
  std::vector<Problem> problems;
  parse(text + "]\n", "r.yaml", problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].message, "too large: its aliases repeat too much");
}

TEST(Yaml, QuotesTextThatYamlReadsDifferently) {
  EXPECT_EQ(quote("base.vhd"), "base.vhd");
  EXPECT_EQ(quote("20.04"), "\"20.04\"");
  EXPECT_EQ(quote("no"), "\"no\"");
  EXPECT_EQ(quote("a: b"), "\"a: b\"");
}

}  // namespace
}  // namespace bake::yaml
