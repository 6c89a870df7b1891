#include "bake/base/html.hpp"

#include <gtest/gtest.h>
#include <stdexcept>

namespace bake {
namespace {

TEST(Html, TextCannotEndAnElementOrAnAttribute) {
  EXPECT_EQ(escape_html("<script>alert(\"a\" & 'b')</script>"),
            "&lt;script&gt;alert(&quot;a&quot; &amp; &#39;b&#39;)&lt;/script&gt;");
  EXPECT_EQ(escape_html("größer\n"), "größer\n");
}

TEST(Html, ControlCharactersAreShown) { EXPECT_EQ(escape_html(std::string_view("a\0b\x1b[1m", 7)), "a\\x00b\\x1b[1m"); }

TEST(Html, CharactersThatTurnTheDirectionOfTextAreShown) {
  EXPECT_EQ(escape_html("a\xE2\x80\xAE"
                        "b"),
            "a\\xe2\\x80\\xaeb");
  EXPECT_EQ(escape_html("\xE2\x81\xA6"), "\\xe2\\x81\\xa6");
  EXPECT_EQ(escape_html("\xE2\x80\xA6"), "…");
  EXPECT_EQ(escape_html("\xE2\x80"), "\xEF\xBF\xBD");
}

TEST(Html, BytesThatAreNotUtf8AreReplaced) { EXPECT_EQ(escape_html("a\xFF<"), "a\xEF\xBF\xBD&lt;"); }

TEST(Html, ThePartOfATemplateIsNoTemplate) {
  EXPECT_EQ(fill_template("<{{a}}|{{b}}>", {{"a", "{{b}}"}, {"b", "B"}}), "<{{b}}|B>");
  EXPECT_THROW(static_cast<void>(fill_template("{{c}}", {{"a", ""}})), std::out_of_range);
}

TEST(Html, TheStyleSheetNeedsNothingElse) {
  const auto style = style_sheet();
  EXPECT_TRUE(style.starts_with("/*"));
  EXPECT_EQ(style.find("url("), std::string_view::npos);
  EXPECT_EQ(style.find("@import"), std::string_view::npos);
  EXPECT_EQ(style.find('<'), std::string_view::npos);
}

}  // namespace
}  // namespace bake
