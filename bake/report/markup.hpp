#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bake::report {

// A text is escaped by these functions; a parameter named `html` is markup and is not.

/// Returns a whole page.
std::string page(std::string_view title, std::string_view body_html);

/// Returns a section with a heading; `id` is a word.
std::string section(std::string_view id, std::string_view title, std::string_view html);

/// Returns the links to sections: id and text of each.
std::string navigation(const std::vector<std::pair<std::string, std::string>>& links);

/// Returns a coloured word; `style` is "good", "note", "warn", "bad", "own" or nothing.
std::string tag(std::string_view style, std::string_view text);

std::string code(std::string_view text);
/// Returns a digest in small type; nothing for an empty text.
std::string digest(std::string_view sha256);

/// A term and its description, which is markup.
struct Pair {
  std::string term, html;
};
/// Returns a list of terms; a term with an empty description is left out.
std::string pairs(const std::vector<Pair>& list);
/// Returns the same list as boxes in a grid.
std::string facts(const std::vector<Pair>& list);

/// Returns a list of sentences in boxes; `style` is "", "note" or "bad". Nothing when there are none.
std::string notices(std::string_view style, const std::vector<std::string>& texts);

/// Returns a table whose rows become blocks on a phone. Each row has a heading (markup) and cells (markup).
struct Row {
  std::string heading_html;
  std::vector<std::string> cells_html;
};
/// A cell that is only a tag() is in the heading of the block. `style` is one more class of the table, or empty.
std::string table(std::string_view label, const std::vector<std::string>& columns, const std::vector<Row>& rows,
                  std::string_view style = {});

/// Returns what is hidden until a reader opens it.
std::string folded(std::string_view summary, std::string_view html);

}  // namespace bake::report
