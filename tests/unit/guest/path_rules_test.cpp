#include "bake/guest/path_rules.hpp"

#include <gtest/gtest.h>

namespace bake::guest {
namespace {

TEST(PathRules, TheLastMatchingRuleDecides) {
  const auto rules = parse_path_rules(
      "# Drop all documentation ...\npath-exclude=/usr/share/doc/*\npath-include=/usr/share/doc/*/copyright\n"
      "path-exclude \"/usr/share/man/*\"\nno-debsig\n");
  const PathRules expected{
      {true, "/usr/share/doc/*"}, {false, "/usr/share/doc/*/copyright"}, {true, "/usr/share/man/*"}};
  EXPECT_EQ(rules, expected);
  EXPECT_TRUE(is_excluded(rules, "/usr/share/doc/rdma-core/README.md"));
  EXPECT_TRUE(is_excluded(rules, "/usr/share/man/man1/ibstat.1.gz"));
  EXPECT_FALSE(is_excluded(rules, "/usr/share/doc/rdma-core/copyright"));
  EXPECT_FALSE(is_excluded(rules, "/usr/sbin/ibstat"));
}

}  // namespace
}  // namespace bake::guest
