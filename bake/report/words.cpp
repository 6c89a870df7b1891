#include "bake/report/words.hpp"

#include <algorithm>

#include "bake/base/text.hpp"

namespace bake::report {
namespace {

bool is_hexadecimal(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

std::string value_of(const Fields& fields, const std::string& name) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
  return found == fields.end() ? "" : found->second;
}

}  // namespace

std::string short_digests(std::string_view text) {
  constexpr std::size_t digits = 64;
  constexpr std::size_t kept = 12;
  std::string result;
  while (!text.empty()) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_hexadecimal);
    const auto run = static_cast<std::size_t>(end - text.begin());
    result += run == digits ? std::string(text.substr(0, kept)) + "…" : std::string(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) break;
    result += text.front();
    text.remove_prefix(1);
  }
  return result;
}

std::string date_of(const std::string& iso_time) {
  constexpr std::string_view form = "0000-00-00T00:00:00Z";
  if (iso_time.size() != form.size()) return iso_time;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == '0' ? !is_digit(iso_time[i]) : iso_time[i] != form[i]) return iso_time;
  return iso_time.substr(0, 10) + " " + iso_time.substr(11, 5) + " UTC";
}

std::vector<ChangedField> changed_fields(const Change& change) {
  std::vector<ChangedField> changed;
  if (!change.a || !change.b) return changed;
  std::vector<std::string> names;
  for (const auto* fields : {&*change.a, &*change.b})
    for (const auto& [name, text] : *fields)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  for (const auto& name : names) {
    auto a = value_of(*change.a, name);
    auto b = value_of(*change.b, name);
    const bool unknown = name == "from" && (a.empty() || b.empty());
    if (a != b && name != "evidence" && !unknown) changed.push_back({name, std::move(a), std::move(b)});
  }
  return changed;
}

}  // namespace bake::report
