#include "bake/base/json.hpp"

#include <gtest/gtest.h>

namespace bake {
namespace {

TEST(UntrustedJson, IsReadUpToADepth) {
  EXPECT_EQ(parse_untrusted_json(R"({"a": ["[[[\"{", 1]})")["a"][1], 1);
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_FALSE(parse_untrusted_json(nested(64)).is_discarded());
  EXPECT_TRUE(parse_untrusted_json(nested(65)).is_discarded());
  EXPECT_TRUE(parse_untrusted_json(std::string(std::size_t{16} << 20U, '[')).is_discarded());
  EXPECT_TRUE(parse_untrusted_json("{").is_discarded());
}

TEST(UntrustedJson, IsReadUpToANumberOfValues) {
  const auto objects = [](std::size_t count) {
    std::string text = "[{}";
    for (std::size_t i = 1; i < count; ++i) text += ",{}";
    return text + "]";
  };
  // One for the list, one for each object, one for each comma.
  EXPECT_EQ(parse_untrusted_json(objects(250'000)).size(), 250'000U);
  EXPECT_TRUE(parse_untrusted_json(objects(250'001)).is_discarded());
  std::string in_a_string = R"(["\")";
  in_a_string.append(600'000, ',');
  in_a_string += R"(", "x"])";
  EXPECT_EQ(parse_untrusted_json(in_a_string).size(), 2U);
}

}  // namespace
}  // namespace bake
