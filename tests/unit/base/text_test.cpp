#include "bake/base/text.hpp"

#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/process.hpp"
#include "bake/base/time.hpp"
#include "tests/support/error_of.hpp"

namespace bake {
namespace {

TEST(Text, SplitsLinesWithoutAnEmptyLastOne) {
  EXPECT_EQ(split_lines("a\r\nb\n"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(split_lines("a\n\nb"), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_TRUE(split_lines("").empty());
}

TEST(Text, GivesTheSameLinesWithoutACopy) {
  for (const std::string text : {"", "\n", "a", "a\n", "a\r\nb\n", "a\n\nb", "\n\n", "\r\n", "a\r"}) {
    std::vector<std::string> lines;
    for (const auto line : each_line(text)) {
      EXPECT_TRUE(line.data() >= text.data() && line.data() + line.size() <= text.data() + text.size()) << text;
      lines.emplace_back(line);
    }
    EXPECT_EQ(lines, split_lines(text)) << text;
  }
  EXPECT_EQ(split_lines("\n\n"), (std::vector<std::string>{"", ""}));
  EXPECT_EQ(split_lines("a\r"), std::vector<std::string>{"a"});
}

TEST(Text, FindsAPieceByItsNumber) {
  EXPECT_EQ(piece_of("a:b::d", ':', 0), "a");
  EXPECT_EQ(piece_of("a:b::d", ':', 2), "");
  EXPECT_EQ(piece_of("a:b::d", ':', 3), "d");
  EXPECT_EQ(piece_of("a:b::d", ':', 4), std::nullopt);
  EXPECT_EQ(piece_of("", ':', 0), "");
}

TEST(Text, ComparesVersionsByNumber) {
  EXPECT_EQ(compare_versions("5.10-1.0.0.0", "5.9-0.5.6.0"), 1);
  EXPECT_EQ(compare_versions("4.9-4.1.7.0", "4.9-4.1.7.0"), 0);
  EXPECT_EQ(compare_versions("3.10.0-957.el7", "3.10.0-957.27.2.el7"), 1);  // letters sort after digits
  EXPECT_EQ(compare_versions("2.4.0.2", "2.12.0.2"), -1);
  EXPECT_EQ(compare_versions("7.4", "7.4.1"), -1);
}

TEST(Text, SuggestsOnlySimilarWords) {
  EXPECT_EQ(closest("vm_szies", {"vm_sizes", "base"}), "vm_sizes");
  EXPECT_EQ(closest("zzz", {"vm_sizes", "base"}), std::nullopt);
  EXPECT_EQ(did_you_mean("bse", {"vm_sizes", "base"}), "did you mean 'base'?");
}

TEST(Text, QuotesForTheShell) {
  EXPECT_EQ(shell_quote("/etc/yum.conf"), "/etc/yum.conf");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote(""), "''");
}

TEST(Text, FormatsSizes) {
  EXPECT_EQ(human_size(1536), "1.5 KiB");
  EXPECT_EQ(human_size(32212254720), "30 GiB");
}

TEST(Text, ShowsControlCharactersOfHostileText) {
  EXPECT_EQ(without_controls("a\n\tb … ü"), "a\n\tb … ü");
  EXPECT_EQ(without_controls("\x1b]0;owned\a\x1b[2J\r\x7f"), "\\x1b]0;owned\\x07\\x1b[2J\\x0d\\x7f");
  EXPECT_EQ(without_controls("\xc2\x9b"
                             "2J\xc2\xa0"),
            "\\x9b"
            "2J\xc2\xa0");
  EXPECT_EQ(without_controls("\xc2"), "\xc2");
}

TEST(Digest, MatchesPublishedVectors) {
  EXPECT_EQ(digest_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of("abc", DigestAlgorithm::md5), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(uuid_from("a"), uuid_from("a"));
  EXPECT_NE(uuid_from("a"), uuid_from("b"));
}

TEST(Error, ListsEveryProblem) {
  const auto error = error_of([&] {
    throw_if_any(ErrorKind::config, "reading recipe 'r.yaml'",
                 {{"r.yaml:1", "unknown key 'bse'", "did you mean 'base'?"}, {"r.yaml:3", "no 'os'", ""}});
  });
  EXPECT_EQ(error.message(),
            "reading recipe 'r.yaml': 2 problems\n  r.yaml:1: unknown key 'bse' (did you mean 'base'?)\n  r.yaml:3: "
            "no 'os'");
  EXPECT_EQ(static_cast<int>(error.kind()), 5);
}

TEST(Process, KeepsStatusAndBothStreams) {
  const auto result = run_program({"sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
}

TEST(Process, NamesAMissingProgram) {
  const auto error = error_of([&] { run_program({"no-such-program-here"}); });
  EXPECT_EQ(error.kind(), ErrorKind::environment);
  EXPECT_EQ(error.message(), "starting 'no-such-program-here': No such file or directory");
}

TEST(Time, FormatsIso) { EXPECT_EQ(iso_time(1700000000), "2023-11-14T22:13:20Z"); }

}  // namespace
}  // namespace bake
