#include "bake/cli/roff.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

#include "bake/base/text.hpp"

namespace bake::cli {
namespace {

constexpr std::size_t line_width = 78;

std::string upper(std::string_view text) {
  std::string result(text);
  for (auto& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

/// A line that starts with "." or "'" would be a request.
std::string as_text_line(const std::string& line) {
  return !line.empty() && (line.front() == '.' || line.front() == '\'') ? "\\&" + line : line;
}

std::size_t indent_of(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

std::string_view trimmed(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(' '), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

/// Returns the length of "* ", "- " or "12. " at the begin of a line; 0 if it does not begin an item.
std::size_t marker_of(std::string_view line) {
  if (line.starts_with("* ") || line.starts_with("- ")) return 2;
  const auto digits = std::min(line.find_first_not_of("0123456789"), line.size());
  return digits > 0 && line.substr(digits).starts_with(". ") ? digits + 2 : 0;
}

std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  std::string cell;
  bool code = false;
  line = trimmed(line);
  line.remove_prefix(1);
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cell += '|';
      ++i;
    } else if (line[i] == '|' && !code) {
      cells.emplace_back(trimmed(cell));
      cell.clear();
    } else {
      if (line[i] == '`') code = !code;
      cell += line[i];
    }
  }
  return cells;
}

bool is_rule(std::string_view line) { return line.find_first_not_of("|-: ") == std::string_view::npos; }

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '\\':
        result += "\\(rs";
        break;
      case '-':
        result += "\\-";
        break;
      case '\'':
        result += "\\(aq";
        break;
      case '`':
        result += "\\(ga";
        break;
      case '^':
        result += "\\(ha";
        break;
      case '~':
        result += "\\(ti";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string bold(std::string_view text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + escaped(text) + "\\fR"; }

std::string from_markdown(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const auto rest = text.substr(i);
    if (rest.front() == '`') {
      if (const auto end = rest.find('`', 1); end != std::string_view::npos) {
        result += bold(rest.substr(1, end - 1));
        i += end + 1;
        continue;
      }
    }
    if (rest.starts_with("**")) {
      if (const auto end = rest.find("**", 2); end != std::string_view::npos) {
        result += bold(replace_all(std::string(rest.substr(2, end - 2)), "`", ""));
        i += end + 2;
        continue;
      }
    }
    if (rest.front() == '[') {
      const auto middle = rest.find("](");
      const auto end = middle == std::string_view::npos ? middle : rest.find(')', middle);
      if (end != std::string_view::npos && rest.substr(0, middle).find('[', 1) == std::string_view::npos) {
        result += from_markdown(rest.substr(1, middle - 1));
        const auto address = rest.substr(middle + 2, end - middle - 2);
        if (address.starts_with("http")) result += " (" + italic(address) + ")";
        i += end + 1;
        continue;
      }
    }
    result += escaped(rest.substr(0, 1));
    ++i;
  }
  return result;
}

ManPage::ManPage(const std::string& title, int section, const std::string& date, const std::string& source) {
  macro(".\\\" Made by \"bake docs man\"; do not edit.");
  macro(fmt::format(R"(.TH "{}" "{}" "{}" "{}" "bake manual")", escaped(upper(title)), section, date, escaped(source)));
  macro(".nh");
  macro(".ad l");
}

void ManPage::heading(std::string_view text) {
  macro(".SH \"" + replace_all(escaped(upper(text)), "\"", "\\(dq") + "\"");
  after_heading_ = true;
}

void ManPage::subheading(std::string_view text) {
  macro(".SS \"" + replace_all(escaped(text), "\"", "\\(dq") + "\"");
  after_heading_ = true;
}

void ManPage::begin_block() {
  if (!after_heading_) macro(".PP");
  after_heading_ = false;
}

void ManPage::fill(const std::string& text) {
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) macro(as_text_line(line));
    line.clear();
  };
  for (const auto& word : split_words(text)) {
    if (!line.empty() && line.size() + 1 + word.size() > line_width) flush();
    line += (line.empty() ? "" : " ") + word;
  }
  flush();
}

void ManPage::paragraph(const std::string& text) {
  begin_block();
  fill(text);
}

void ManPage::entry(const std::string& tag, const std::string& text) {
  after_heading_ = false;
  macro(".TP");
  macro(as_text_line(tag));
  fill(text.empty() ? "\\&" : text);
}

void ManPage::bullet(const std::string& text) {
  after_heading_ = false;
  macro(".IP \\(bu 2");
  fill(text);
}

void ManPage::numbered(const std::string& number, const std::string& text) {
  after_heading_ = false;
  macro(".IP " + number + " 4");
  fill(text);
}

void ManPage::code(const std::vector<std::string>& lines) {
  begin_block();
  macro(".RS 2");
  macro(".nf");
  for (const auto& line : lines) macro(line.empty() ? "\\&" : as_text_line(escaped(line)));
  macro(".fi");
  macro(".RE");
}

namespace {

/// Reads Markdown line by line.
class MarkdownReader {
 public:
  MarkdownReader(std::string_view markdown, ManPage& page) : lines_(split_lines(markdown)), page_(page) {}

  void read() {
    while (at_ < lines_.size()) read_block();
  }

 private:
  [[nodiscard]] bool begins_block(const std::string& line) const {
    return line.empty() || line.starts_with("#") || line.starts_with("```") || line.starts_with("|") ||
           marker_of(trimmed(line)) > 0;
  }

  void read_block() {
    const auto& line = lines_[at_];
    if (trimmed(line).empty()) {
      ++at_;
    } else if (line.starts_with("#")) {
      read_heading();
    } else if (trimmed(line).starts_with("```")) {
      read_fence();
    } else if (trimmed(line).starts_with("|")) {
      read_table();
    } else if (marker_of(trimmed(line)) > 0) {
      read_item();
    } else if (indent_of(line) >= 4) {
      read_indented();
    } else {
      page_.paragraph(from_markdown(joined_text(std::string(trimmed(lines_[at_++])))));
    }
  }

  /// Returns `text` with the lines that continue it.
  std::string joined_text(std::string text) {
    while (at_ < lines_.size() && !trimmed(lines_[at_]).empty() && !begins_block(lines_[at_]))
      text += " " + std::string(trimmed(lines_[at_++]));
    return text;
  }

  void read_heading() {
    const auto& line = lines_[at_++];
    const auto level = std::min(line.find_first_not_of('#'), line.size());
    const auto text = replace_all(std::string(trimmed(std::string_view(line).substr(level))), "`", "");
    if (level == 2) page_.heading(text);
    if (level > 2) page_.subheading(text);
  }

  void read_fence() {
    const auto indent = indent_of(lines_[at_]);
    std::vector<std::string> code;
    for (++at_; at_ < lines_.size() && !trimmed(lines_[at_]).starts_with("```"); ++at_)
      code.push_back(lines_[at_].substr(std::min(indent, indent_of(lines_[at_]))));
    ++at_;
    page_.code(code);
  }

  void read_indented() {
    const auto indent = indent_of(lines_[at_]);
    std::vector<std::string> code;
    for (; at_ < lines_.size() && (lines_[at_].empty() || indent_of(lines_[at_]) >= 4); ++at_)
      code.push_back(lines_[at_].substr(std::min(indent, indent_of(lines_[at_]))));
    while (!code.empty() && code.back().empty()) code.pop_back();
    page_.code(code);
  }

  void read_item() {
    const auto line = std::string(trimmed(lines_[at_++]));
    const auto marker = marker_of(line);
    const auto text = from_markdown(joined_text(line.substr(marker)));
    if (marker == 2 && line.front() != '.' && std::isdigit(static_cast<unsigned char>(line.front())) == 0)
      page_.bullet(text);
    else
      page_.numbered(line.substr(0, marker - 1), text);
  }

  void read_table() {
    const auto head = cells_of(lines_[at_++]);
    for (; at_ < lines_.size() && trimmed(lines_[at_]).starts_with("|"); ++at_) {
      if (is_rule(lines_[at_])) continue;
      const auto cells = cells_of(lines_[at_]);
      std::vector<std::string> parts;
      for (std::size_t i = 1; i < cells.size(); ++i) {
        if (cells[i].empty()) continue;
        const bool named = head.size() > 2 && i < head.size() && !head[i].empty();
        parts.push_back((named ? italic(head[i] + ":") + " " : "") + from_markdown(cells[i]));
      }
      page_.entry(cells.empty() ? "" : from_markdown(cells[0]), join(parts, "; "));
    }
  }

  std::vector<std::string> lines_;
  std::size_t at_ = 0;
  ManPage& page_;
};

}  // namespace

void add_markdown(std::string_view markdown, ManPage& page) { MarkdownReader(markdown, page).read(); }

std::vector<std::vector<std::string>> table_below(std::string_view markdown, std::string_view title) {
  std::vector<std::vector<std::string>> rows;
  bool below = false;
  bool head = true;
  for (const auto& line : split_lines(markdown)) {
    if (line.starts_with("#")) below = trimmed(line.substr(line.find_first_not_of('#'))) == title;
    if (!below || !line.starts_with("|")) continue;
    if (is_rule(line))
      head = false;
    else if (!head)
      rows.push_back(cells_of(line));
  }
  return rows;
}

}  // namespace bake::cli
