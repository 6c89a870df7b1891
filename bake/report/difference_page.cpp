#include <algorithm>
#include <fmt/format.h>

#include "bake/base/html.hpp"
#include "bake/base/text.hpp"
#include "bake/report/difference.hpp"
#include "bake/report/markup.hpp"
#include "bake/report/words.hpp"

namespace bake::report {
namespace {

constexpr std::size_t max_open = 60;  // rows of a part that a reader need not open first

/// Returns "Digest", "VM sizes", … with a capital.
std::string heading(std::string name) {
  if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return name;
}

/// Returns a text as code. A digest is shortened; its whole text is in the title.
std::string shown(const std::string& text) {
  if (text.empty()) return "<span class=\"soft\">none</span>";
  const auto shortened = short_digests(text);
  if (shortened == text) return code(text);
  return fmt::format("<code title=\"{}\">{}</code>", escape_html(text), escape_html(shortened));
}

bool is_named(const std::string& field) { return field != "value" && field != "version" && field != "status"; }

/// Returns the fields of one side: of a change, those that differ; otherwise all.
std::string cell(const Change& change, bool b) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& name, const std::string& text) {
    lines.push_back((is_named(name) ? fmt::format("<span class=\"soft\">{}</span> ", escape_html(name)) : "") +
                    shown(text));
  };
  if (change.a && change.b) {
    for (const auto& field : changed_fields(change)) add(field.name, b ? field.b : field.a);
  } else if (const auto& fields = b ? change.b : change.a; fields) {
    for (const auto& [name, text] : *fields)
      if (!text.empty() && name != "evidence") add(name, text);
  }
  return join(lines, "<br>");
}

std::string_view style_of(const Change& change) { return !change.a ? "good" : !change.b ? "bad" : "note"; }

std::string html_of(const PartDifference& part) {
  std::string html;
  if (!part.note.empty()) html += fmt::format("<p class=\"soft\">{}.</p>\n", escape_html(heading(part.note)));
  std::vector<Row> rows;
  rows.reserve(part.changes.size());
  for (const auto& change : part.changes)
    rows.push_back(
        {escape_html(change.name), {tag(style_of(change), word_for(change)), cell(change, false), cell(change, true)}});
  const auto list = table(part.part, {"Name", "Change", "A", "B"}, rows, "compare");
  return html + (rows.size() > max_open ? folded(fmt::format("{} differences", rows.size()), list) : list);
}

std::string html_of(const Side& side) {
  std::vector<std::string> facts{std::string(side.refused ? "refused " : "") + std::string(name_of(side.kind))};
  if (!side.recipe.empty()) facts.push_back("recipe " + side.recipe);
  if (!side.time.empty()) facts.push_back("made " + date_of(side.time));
  const auto& path = side.read_from.empty() ? side.file : side.read_from;
  return fmt::format("{}<small>{}</small><small>{}</small>", escape_html(side.file.substr(side.file.rfind('/') + 1)),
                     escape_html(join(facts, ", ")), escape_html(path));
}

std::string overview(const Difference& difference) {
  std::vector<Row> rows;
  for (const auto& part : difference.parts) {
    const auto differs = !part.changes.empty();
    const auto name = escape_html(heading(part.part));
    rows.push_back({differs ? fmt::format("<a href=\"#{}\">{}</a>", part.part, name) : name,
                    {!part.not_compared.empty() ? tag("", "not compared")
                     : differs                  ? tag("note", "differs")
                                                : tag("good", "same"),
                     escape_html(!part.not_compared.empty() ? part.not_compared
                                 : differs                  ? summary_of(part)
                                                            : part.note)}});
  }
  return table("Parts", {"Part", "Result", "Details"}, rows);
}

}  // namespace

std::string to_html(const Difference& difference) {
  const auto title = fmt::format("{} and {}", difference.a.file, difference.b.file);
  auto body = fmt::format("<header>\n<p class=\"over\">Comparison</p>\n<h1>{}</h1>\n{}</header>\n<main>\n",
                          difference.equal() ? "Nothing that was compared differs" : "What differs between A and B",
                          facts({{"A", html_of(difference.a)}, {"B", html_of(difference.b)}}));
  body += section("parts", "Overview", overview(difference));
  for (const auto& part : difference.parts)
    if (!part.changes.empty()) body += section(part.part, heading(part.part), html_of(part));
  return page(title, body + "</main>\n");
}

}  // namespace bake::report
