#include "bake/report/fleet_page.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/html.hpp"
#include "bake/report/document.hpp"
#include "bake/report/markup.hpp"
#include "bake/report/timeline.hpp"
#include "bake/report/words.hpp"

namespace bake::report {
namespace {

using State = fleet::FleetRow::State;

std::string_view style_of(const FleetImageReport& image) {
  switch (image.row.state) {
    case State::skipped:
    case State::done:
      return "good";
    case State::failed:
    case State::vanished:
      return "bad";
    case State::running:
      return "note";
    case State::interrupted:
      return "warn";
    case State::waiting:
      break;
  }
  return image.image ? "warn" : "";
}

/// Returns the state as a word for a page that is read after the run: an image that was up to date is done.
std::string word_for(const FleetImageReport& image) {
  const auto state = image.row.state;
  if (state == State::skipped) return "done";
  if (state == State::waiting) return image.image ? "out of date" : "not made";
  return std::string(fleet::name_of(state));
}

std::string id_of(std::size_t number) { return fmt::format("image-{}", number + 1); }

std::string counts(const std::vector<FleetImageReport>& images) {
  std::vector<std::pair<std::string, std::string_view>> order{
      {"failed", "bad"},       {"vanished", "bad"}, {"interrupted", "warn"}, {"running", "note"},
      {"out of date", "warn"}, {"not made", ""},    {"done", "good"}};
  std::string html;
  for (const auto& [word, style] : order)
    if (const auto number = std::count_if(images.begin(), images.end(),
                                          [&word = word](const auto& image) { return word_for(image) == word; });
        number != 0)
      html += tag(style, fmt::format("{} {}", number, word));
  return html.empty() ? "" : fmt::format("<p class=\"verdict\">{}</p>\n", html);
}

Row row_of(const FleetImageReport& image, std::size_t number) {
  const auto& row = image.row;
  const auto name = escape_html(row.name);
  Row cells{image.image ? fmt::format("<a href=\"#{}\">{}</a>", id_of(number), name) : name,
            {tag(style_of(image), word_for(image))}};
  if (!image.image) {
    cells.cells_html.insert(cells.cells_html.end(), {"", "", "", ""});
  } else {
    const auto& manifest = image.image->manifest;
    cells.cells_html.push_back(escape_html(text_at(manifest, "/os/id") + " " + text_at(manifest, "/os/version")));
    cells.cells_html.push_back(escape_html(text_at(manifest, "/driver/ofed")));
    cells.cells_html.push_back(code(text_at(manifest, "/kernel/release")));
    cells.cells_html.push_back(escape_html(verify::summary_of(checks_of(manifest))));
  }
  cells.cells_html.push_back(row.result ? duration(row.result->seconds) : "");
  cells.cells_html.push_back(escape_html(row.message));
  return cells;
}

std::string details(const FleetImageReport& image, std::size_t number) {
  const auto prefix = id_of(number) + "-";
  std::string html =
      fmt::format("<article id=\"{}\" class=\"image\">\n<h2>{}</h2>\n{}{}", id_of(number), escape_html(image.row.name),
                  verdict_of(checks_of(image.image->manifest)), notices("bad", image.image->problems));
  if (image.row.state != State::done && image.row.state != State::skipped)
    html += notices("", {fmt::format("This section describes the image that is there. The fleet counts it as {}: {}",
                                     word_for(image), image.row.message)});
  return html + image_sections(*image.image, prefix) + "<p><a href=\"#images\">All images</a></p>\n</article>\n";
}

}  // namespace

std::string fleet_page(const std::string& file, const std::string& time, const std::vector<FleetImageReport>& images) {
  auto body = fmt::format(
      "<header>\n<p class=\"over\">Report about a fleet</p>\n<h1>{}</h1>\n<p class=\"lead\">{} images, as of {}</p>\n{}"
      "</header>\n<main>\n",
      escape_html(file), images.size(), escape_html(date_of(time)), counts(images));
  std::vector<Row> rows;
  for (std::size_t i = 0; i < images.size(); ++i) rows.push_back(row_of(images[i], i));
  body += section("images", "Images",
                  table("Images", {"Image", "State", "System", "Driver", "Kernel", "Checks", "Time", "Message"}, rows));
  for (std::size_t i = 0; i < images.size(); ++i)
    if (images[i].image) body += details(images[i], i);
  return page(file + ": report", body + "</main>\n");
}

}  // namespace bake::report
