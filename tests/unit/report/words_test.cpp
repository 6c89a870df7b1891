#include "bake/report/words.hpp"

#include <gtest/gtest.h>

namespace bake::report {
namespace {

TEST(Words, ShortenDigests) {
  const std::string sha256(64, 'a');
  EXPECT_EQ(short_digests("sha256 " + sha256 + ")"), "sha256 aaaaaaaaaaaa…)");
  EXPECT_EQ(short_digests(sha256), "aaaaaaaaaaaa…");
  EXPECT_EQ(short_digests(sha256 + "0"), sha256 + "0");
  EXPECT_EQ(short_digests("0644 0:0 link"), "0644 0:0 link");
  EXPECT_EQ(short_digests(""), "");
}

TEST(Words, WriteDates) {
  EXPECT_EQ(date_of("2026-11-30T20:06:36Z"), "2026-11-30 20:06 UTC");
  EXPECT_EQ(date_of("2026-11-30"), "2026-11-30");
  EXPECT_EQ(date_of("<script>alert(1)</s>"), "<script>alert(1)</s>");
}

TEST(Words, NameTheFieldsThatDiffer) {
  const auto names = [](const Change& change) {
    std::string text;
    for (const auto& field : changed_fields(change)) text += field.name + " " + field.a + ">" + field.b + ";";
    return text;
  };
  EXPECT_EQ(names({"a", Fields{{"mode", "1"}, {"owner", "2"}}, Fields{{"mode", "1"}, {"owner", "3"}}}), "owner 2>3;");
  EXPECT_EQ(names({"a", Fields{{"mode", "1"}}, Fields{{"content", "link x"}}}), "mode 1>;content >link x;");
  EXPECT_EQ(names({"a", Fields{{"from", ""}}, Fields{{"from", "base"}}}), "");
  EXPECT_EQ(
      names({"a", Fields{{"status", "passed"}, {"evidence", "x"}}, Fields{{"status", "failed"}, {"evidence", "y"}}}),
      "status passed>failed;");
  EXPECT_EQ(names({"a", {}, Fields{{"mode", "1"}}}), "");
}

}  // namespace
}  // namespace bake::report
