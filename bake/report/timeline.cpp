#include "bake/report/timeline.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "bake/base/html.hpp"

namespace bake::report {

std::string duration(double seconds) {
  constexpr double minute = 60;
  constexpr double ten = 9.95;  // from here on, tenths say nothing
  if (seconds < ten) return fmt::format("{:.1f} s", seconds);
  const auto whole = std::llround(seconds);
  if (seconds < minute - 0.5) return fmt::format("{} s", whole);
  return fmt::format("{} min {} s", whole / 60, whole % 60);
}

std::string timeline(const std::vector<std::pair<std::string, double>>& steps) {
  constexpr double width = 1000;
  constexpr double thinnest = 4;
  double total = 0;
  for (const auto& [name, seconds] : steps) total += seconds;
  if (total <= 0) return {};
  std::string html = "<ol class=\"steps\">\n";
  double begin = 0;
  for (const auto& [name, seconds] : steps) {
    const auto length = std::max(thinnest, seconds / total * width);
    const auto left = std::min(begin / total * width, width - length);
    html += fmt::format(
        "<li><span>{}</span><svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect "
        "class=\"track\" width=\"1000\" height=\"10\"/><rect class=\"bar\" x=\"{:.1f}\" width=\"{:.1f}\" "
        "height=\"10\"/></svg><span class=\"time\">{}</span></li>\n",
        escape_html(name), left, length, duration(seconds));
    begin += seconds;
  }
  return html + fmt::format(
                    "<li class=\"total\"><span>All steps</span><span></span><span class=\"time\">{}</span></li>\n"
                    "</ol>\n",
                    duration(total));
}

}  // namespace bake::report
