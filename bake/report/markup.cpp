#include "bake/report/markup.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/html.hpp"

// bake_embed() in CMakeLists.txt defines these.
extern "C" {
extern const char bake_embed_report_page_begin[], bake_embed_report_page_end[];
}

namespace bake::report {
namespace {

std::string definitions(std::string_view style, const std::vector<Pair>& list) {
  std::string html;
  for (const auto& [term, description] : list)
    if (!description.empty())
      html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_html(term), description);
  return html.empty() ? "" : fmt::format("<dl class=\"{}\">\n{}</dl>\n", style, html);
}

/// Returns whether this markup is one tag().
bool is_tag(std::string_view html) {
  constexpr std::string_view end = "</span>";
  return html.starts_with("<span class=\"tag") && html.find(end) + end.size() == html.size();
}

}  // namespace

std::string page(std::string_view title, std::string_view body_html) {
  const std::string_view text(bake_embed_report_page_begin,
                              static_cast<std::size_t>(bake_embed_report_page_end - bake_embed_report_page_begin));
  return fill_template(text, {{"version", BAKE_VERSION},
                              {"title", escape_html(title)},
                              {"style", std::string(style_sheet())},
                              {"body", std::string(body_html)}});
}

std::string section(std::string_view id, std::string_view title, std::string_view html) {
  return fmt::format(
      "<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h2 id=\"{0}-title\">{1}</h2>\n{2}</section>\n", id,
      escape_html(title), html);
}

std::string navigation(const std::vector<std::pair<std::string, std::string>>& links) {
  std::string html;
  for (const auto& [id, text] : links) html += fmt::format("<a href=\"#{}\">{}</a>", id, escape_html(text));
  return fmt::format("<nav aria-label=\"Sections\">{}</nav>\n", html);
}

std::string tag(std::string_view style, std::string_view text) {
  return fmt::format("<span class=\"tag{}{}\">{}</span>", style.empty() ? "" : " ", style, escape_html(text));
}

std::string code(std::string_view text) {
  return text.empty() ? "" : fmt::format("<code>{}</code>", escape_html(text));
}

std::string digest(std::string_view sha256) {
  return sha256.empty() ? "" : fmt::format("<span class=\"digest\">{}</span>", escape_html(sha256));
}

std::string pairs(const std::vector<Pair>& list) { return definitions("pairs", list); }

std::string facts(const std::vector<Pair>& list) { return definitions("facts", list); }

std::string notices(std::string_view style, const std::vector<std::string>& texts) {
  std::string html;
  for (const auto& text : texts) html += fmt::format("<li>{}</li>\n", escape_html(text));
  return html.empty() ? ""
                      : fmt::format("<ul class=\"notices{}{}\">\n{}</ul>\n", style.empty() ? "" : " ", style, html);
}

std::string table(std::string_view label, const std::vector<std::string>& columns, const std::vector<Row>& rows,
                  std::string_view style) {
  std::string html = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table class=\"cards{}{}\">\n<thead><tr>",
      escape_html(label), style.empty() ? "" : " ", style);
  for (const auto& column : columns) html += fmt::format("<th scope=\"col\">{}</th>", escape_html(column));
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    html += fmt::format("<tr><th scope=\"row\">{}</th>", row.heading_html);
    for (std::size_t i = 0; i < row.cells_html.size(); ++i)
      html += fmt::format("<td data-label=\"{}\"{}>{}</td>", escape_html(columns.at(i + 1)),
                          is_tag(row.cells_html[i]) ? " class=\"state\"" : "", row.cells_html[i]);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string folded(std::string_view summary, std::string_view html) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape_html(summary), html);
}

}  // namespace bake::report
