#include "bake/cli/roff.hpp"

#include <gtest/gtest.h>

namespace bake::cli {
namespace {

std::string page_of(std::string_view markdown) {
  ManPage page("p", 5, "2026-01-02", "bake 1");
  const auto head = page.text().size();
  add_markdown(markdown, page);
  return page.text().substr(head);
}

TEST(Roff, EscapesWhatRoffReads) {
  EXPECT_EQ(escaped("a-b 'c' `d` \\e ~f ^g"), R"(a\-b \(aqc\(aq \(gad\(ga \(rse \(tif \(hag)");
}

TEST(Roff, MarkdownInAParagraph) {
  EXPECT_EQ(from_markdown("use `--force`, **now** ([page](x.md#y), [site](https://a.b/c))"),
            R"(use \fB\-\-force\fR, \fBnow\fR (page, site (\fIhttps://a.b/c\fR)))");
  EXPECT_EQ(from_markdown("one ` alone, [not a link]"), R"(one \(ga alone, [not a link])");
}

TEST(Roff, HeadingsAndParagraphs) {
  EXPECT_EQ(page_of("# Title\n\nFirst\nline.\n\n## The file\n\n.dot\n\n### Sub `x`\nEnd\n"),
            ".PP\nFirst line.\n.SH \"THE FILE\"\n\\&.dot\n.SS \"Sub x\"\nEnd\n");
}

TEST(Roff, Lists) {
  EXPECT_EQ(page_of("* one\n  more\n* two\n\n1. first\n2. second\n"),
            ".IP \\(bu 2\none more\n.IP \\(bu 2\ntwo\n.IP 1. 4\nfirst\n.IP 2. 4\nsecond\n");
}

TEST(Roff, CodeStaysAsItIs) {
  EXPECT_EQ(page_of("Text:\n\n    a  b\n\n    .c\n\n```yaml\nx: 1\n```\n"),
            ".PP\nText:\n.PP\n.RS 2\n.nf\na  b\n\\&\n\\&.c\n.fi\n.RE\n.PP\n.RS 2\n.nf\nx: 1\n.fi\n.RE\n");
}

TEST(Roff, ATableIsAListOfEntries) {
  EXPECT_EQ(page_of("| a | b |\n|---|---|\n| `x` | y \\| z |\n"), ".TP\n\\fBx\\fR\ny | z\n");
  EXPECT_EQ(page_of("| a | b | c |\n|---|---|---|\n| x | y | z |\n"), ".TP\nx\n\\fIb:\\fR y; \\fIc:\\fR z\n");
}

TEST(Roff, TheFirstTableBelowAHeading) {
  const auto rows =
      table_below("# T\n| no | no |\n|---|---|\n| 1 | 2 |\n## bake\n| c | m |\n|---|---|\n| 0 | good |\n", "bake");
  EXPECT_EQ(rows, (std::vector<std::vector<std::string>>{{"0", "good"}}));
}

}  // namespace
}  // namespace bake::cli
