#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bake::cli {

/// Writes a page in the language of man(7).
class ManPage {
 public:
  /// `date` is "2026-11-30"; `source` names the program and its version.
  ManPage(const std::string& title, int section, const std::string& date, const std::string& source);

  void heading(std::string_view text);
  void subheading(std::string_view text);
  /// `text` is roff: from escaped(), bold() or from_markdown().
  void paragraph(const std::string& text);
  /// An entry of a list: `tag`, and its text below it, indented.
  void entry(const std::string& tag, const std::string& text);
  void bullet(const std::string& text);
  void numbered(const std::string& number, const std::string& text);
  /// Lines that stay as they are.
  void code(const std::vector<std::string>& lines);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void macro(const std::string& line) { text_ += line + "\n"; }
  void fill(const std::string& text);
  void begin_block();

  std::string text_;
  bool after_heading_ = false;
};

/// Escapes text for roff.
std::string escaped(std::string_view text);
std::string bold(std::string_view text);
std::string italic(std::string_view text);

/// Returns one paragraph of Markdown as roff: code and **strong** text are bold, a link is its text, with the address
/// if it leads to a web page.
std::string from_markdown(std::string_view text);

/// Adds a page of Markdown: headings of level 2 and 3, paragraphs, lists, tables, code. Skips the title.
void add_markdown(std::string_view markdown, ManPage& page);

/// Returns the cells of the first table below the heading `title` of a Markdown page, without its head.
std::vector<std::vector<std::string>> table_below(std::string_view markdown, std::string_view title);

}  // namespace bake::cli
