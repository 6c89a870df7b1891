#include <algorithm>
#include <fmt/format.h>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/report/difference.hpp"
#include "bake/report/words.hpp"

namespace bake::report {
namespace {

constexpr std::size_t max_shown = 20;  // of one part; a kernel alone can change thousands of files

std::string text_of(const Side& side) {
  std::vector<std::string> facts{std::string(side.refused ? "refused " : "") + std::string(name_of(side.kind))};
  if (!side.read_from.empty()) facts.push_back("read from " + side.read_from);
  if (!side.recipe.empty()) facts.push_back("recipe " + on_one_line(side.recipe));
  if (!side.time.empty()) facts.push_back("made " + on_one_line(side.time));
  return fmt::format("{} ({})", side.file, join(facts, ", "));
}

/// The documents come from others: a line break in a value must not look like another line of the result.
std::string shown(const std::string& text) { return text.empty() ? "none" : on_one_line(short_digests(text)); }

/// "bundle" of "bundle MLNX_OFED_LINUX-…": the name is the same for many packages.
std::string short_origin(const std::string& from) {
  for (const auto* word : {"bundle", "extra packages"})
    if (from.starts_with(std::string(word) + " ")) return word;
  return from;
}

/// Returns "28.0 amd64 (base)": the values, the origin in brackets.
std::string text_of(const Fields& fields) {
  std::vector<std::string> texts;
  for (const auto& [name, text] : fields)
    if (!text.empty())
      texts.push_back(name == "from" ? fmt::format("({})", on_one_line(short_origin(text))) : shown(text));
  return texts.empty() ? "none" : join(texts, " ");
}

std::string text_of(const Change& change) {
  const auto name = printable(change.name);
  if (!change.a) return fmt::format("  + {}  {}\n", name, text_of(*change.b));
  if (!change.b) return fmt::format("  - {}  {}\n", name, text_of(*change.a));
  std::vector<std::string> texts;
  const auto fields = changed_fields(change);
  for (const auto& [field, a, b] : fields) {
    if (field == "from" && fields.size() != 1) continue;
    texts.push_back(field == "value" || field == "version" || field == "status"
                        ? fmt::format("{} -> {}", shown(a), shown(b))
                        : fmt::format("{} {} -> {}", field, shown(a), shown(b)));
  }
  return fmt::format("  ~ {}  {}\n", name, join(texts, "; "));
}

}  // namespace

std::string to_text(const Difference& difference) {
  auto text = fmt::format("a  {}\nb  {}\n\n", text_of(difference.a), text_of(difference.b));
  for (const auto& part : difference.parts) {
    text += fmt::format("{:<9} {}\n", part.part, summary_of(part));
    if (!part.note.empty()) text += fmt::format("  ({})\n", part.note);
    for (std::size_t i = 0; i < std::min(part.changes.size(), max_shown); ++i) text += text_of(part.changes[i]);
    if (part.changes.size() > max_shown)
      text += fmt::format("  and {} more, which JSON and HTML show\n", part.changes.size() - max_shown);
  }
  return text + (difference.equal() ? "\nNothing that was compared differs.\n" : "");
}

}  // namespace bake::report
