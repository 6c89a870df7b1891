#include "bake/cli/step_line.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <vector>

#include "bake/base/text.hpp"

namespace bake::cli {
namespace {

constexpr double minute = 60;
constexpr double hour = 3600;
constexpr std::size_t min_name = 12;

/// The columns that a character takes: 2 for those of East Asia and for pictures (Unicode, EastAsianWidth.txt), rounded
/// up to whole blocks. More than a terminal uses is harmless.
std::size_t columns_of(unsigned char first) {
  if (first >= 0xF0) return 2;                    // from U+10000
  return first >= 0xE3 && first <= 0xED ? 2 : 1;  // U+3000 to U+DFFF
}

/// Splits UTF-8 text into characters; a byte that is not UTF-8 is a character.
std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> found;
  for (std::size_t i = 0; i < text.size();) {
    auto end = i + 1;
    if (static_cast<unsigned char>(text[i]) >= 0xC0)
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) ++end;
    found.push_back(text.substr(i, end - i));
    i = end;
  }
  return found;
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (const auto character : characters(text)) width += columns_of(static_cast<unsigned char>(character.front()));
  return width;
}

/// Returns the characters from the first one on that fit.
template <typename Iterator>
std::vector<std::string_view> take(Iterator begin, Iterator end, std::size_t width) {
  std::vector<std::string_view> taken;
  for (; begin != end; ++begin) {
    const auto columns = columns_of(static_cast<unsigned char>(begin->front()));
    if (columns > width) break;
    width -= columns;
    taken.push_back(*begin);
  }
  return taken;
}

}  // namespace

std::optional<unsigned> Work::percent() const {
  if (total == 0) return std::nullopt;
  return static_cast<unsigned>(100.0 * static_cast<double>(std::min(done, total)) / static_cast<double>(total));
}

std::string human_duration(double seconds) {
  if (seconds < minute - 0.05) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<long>(std::lround(seconds));
  if (seconds < hour) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
}

namespace {

/// The same in whole seconds: the line changes once in a second.
std::string whole_duration(double seconds) {
  return seconds < minute - 0.5 ? fmt::format("{:.0f}s", std::floor(seconds)) : human_duration(seconds);
}

}  // namespace

std::string work_text(const Work& work) {
  const auto percent = work.percent();
  if (!percent) return {};
  auto text = fmt::format("{}%", *percent);
  const auto done = work.done > work.before ? work.done - work.before : 0;
  if (done == 0 || work.seconds < 1) return text;  // no rate yet
  const auto rate = static_cast<double>(done) / work.seconds;
  if (work.unit == "bytes")
    text += fmt::format(", {}/s", human_size(static_cast<std::uint64_t>(rate)));
  else
    text += fmt::format(", {:.0f} {}/s", rate, work.unit);
  if (work.done < work.total)
    text += fmt::format(", {} left", whole_duration(std::ceil(static_cast<double>(work.total - work.done) / rate)));
  return text;
}

std::string fit(std::string_view text, std::size_t width) {
  if (width_of(text) <= width) return std::string(text);
  if (width == 0) return {};
  const auto all = characters(text);
  const auto front = take(all.begin(), all.end(), width / 2);
  auto back = take(all.rbegin(), all.rend(), width - 1 - width / 2);
  std::reverse(back.begin(), back.end());
  std::string shorter;
  for (const auto part : front) shorter += part;
  shorter += "…";
  for (const auto part : back) shorter += part;
  return shorter;
}

std::string running_line(const StepState& step, std::size_t width) {
  const auto number =
      step.of ? fmt::format("step {} of {}", step.number, *step.of) : fmt::format("step {}", step.number);
  auto rest = "  " + whole_duration(step.seconds);
  if (step.typical) rest += ", usually " + whole_duration(std::max(1.0, std::round(*step.typical)));
  if (const auto text = step.work ? work_text(*step.work) : std::string(); !text.empty()) rest += "  " + text;
  const auto used = width_of(number) + 2 + width_of(rest);
  if (used + min_name > width && width_of(step.name) + used > width)
    return fit(fmt::format("{}  {}", number, step.name), width);
  return fmt::format("{}  {}{}", number, fit(step.name, width - used), rest);
}

std::string finished_line(const StepState& step, bool failed, std::size_t width) {
  const auto time = fmt::format("{:>7}  ", human_duration(step.seconds));
  const std::string_view end = failed ? " (failed)" : "";
  if (width < time.size() + end.size() + 1) return fit(step.name, width);
  return time + fit(step.name, width - time.size() - end.size()) + std::string(end);
}

}  // namespace bake::cli
