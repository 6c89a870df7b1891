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

}  // namespace
}  // namespace bake
