#include "bake/boot/bls.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alphanumeric(char c) { return is_letter(c) || is_digit(c); }

bool begins_with(std::string_view text, char c) { return !text.empty() && text.front() == c; }

/// The run of digits, or of letters, that `text` begins with; taken out of it.
std::string_view take_run(std::string_view& text, bool digits) {
  std::size_t end = 0;
  while (end < text.size() && (digits ? is_digit(text[end]) : is_letter(text[end]))) ++end;
  const auto run = text.substr(0, end);
  text.remove_prefix(end);
  return run;
}

int compare_numbers(std::string_view a, std::string_view b) {
  while (begins_with(a, '0')) a.remove_prefix(1);
  while (begins_with(b, '0')) b.remove_prefix(1);
  if (a.size() != b.size()) return a.size() > b.size() ? 1 : -1;
  const int order = a.compare(b);
  return order == 0 ? 0 : (order > 0 ? 1 : -1);
}

/// name-version-release; what is missing is empty, from the end of the list.
struct PackageName {
  std::string name;
  std::string version;
  std::string release;
};

/// split_package_string of blscfg.c: at the last two dashes, or for `version_only` at the last one.
PackageName split_package_name(std::string_view text, bool version_only) {
  std::vector<std::string> parts;
  for (int dashes = version_only ? 1 : 2; dashes > 0; --dashes) {
    const auto dash = text.rfind('-');
    if (dash == std::string_view::npos) break;
    parts.emplace(parts.begin(), text.substr(dash + 1));
    text = text.substr(0, dash);
  }
  parts.emplace(parts.begin(), text);
  parts.resize(version_only ? 2 : 3);
  if (version_only) return {"", parts[0], parts[1]};
  return {parts[0], parts[1], parts[2]};
}

int compare_packages(std::string_view a, std::string_view b, bool version_only, GrubRules rules) {
  const auto left = split_package_name(a, version_only);
  const auto right = split_package_name(b, version_only);
  if (const int order = compare_bls_versions(left.name, right.name, rules); order != 0) return order;
  if (const int order = compare_bls_versions(left.version, right.version, rules); order != 0) return order;
  return compare_bls_versions(left.release, right.release, rules);
}

}  // namespace

std::optional<std::string> BlsEntry::value(std::string_view key) const {
  for (const auto& [each, text] : lines)
    if (each == key) return text;
  return std::nullopt;
}

BlsEntry parse_bls_entry(std::string_view name, std::string_view text) {
  BlsEntry entry;
  entry.name = name;
  for (auto line : each_line(text)) {
    while (begins_with(line, ' ') || begins_with(line, '\t')) line.remove_prefix(1);
    if (begins_with(line, '#')) continue;
    auto separator = line.find(' ');
    if (separator == std::string_view::npos) separator = line.find('\t');
    if (separator == std::string_view::npos || separator + 1 == line.size()) break;
    const auto value = line.find_first_not_of(" \t", separator + 1);
    entry.lines.emplace_back(line.substr(0, separator),
                             value == std::string_view::npos ? std::string_view{} : line.substr(value));
  }
  return entry;
}

int compare_bls_versions(std::string_view a, std::string_view b, GrubRules rules) {
  const bool knows_plus = rules == GrubRules::el9;
  const auto counts = [&](char c) { return is_alphanumeric(c) || c == '~' || (knows_plus && c == '+'); };
  if (a == b) return 0;
  for (;;) {
    while (!a.empty() && !counts(a.front())) a.remove_prefix(1);
    while (!b.empty() && !counts(b.front())) b.remove_prefix(1);
    if (begins_with(a, '~') || begins_with(b, '~')) {  // older than everything else
      if (!begins_with(a, '~')) return 1;
      if (!begins_with(b, '~')) return -1;
      a.remove_prefix(1);
      b.remove_prefix(1);
      continue;
    }
    if (knows_plus && (begins_with(a, '+') || begins_with(b, '+'))) {
      if (a.empty()) return -1;
      if (b.empty()) return 1;
      if (!begins_with(a, '+')) return 1;
      if (!begins_with(b, '+')) return -1;
      a.remove_prefix(1);
      b.remove_prefix(1);
      continue;
    }
    if (a.empty() || b.empty()) break;
    const bool digits = is_digit(a.front());
    const auto left = take_run(a, digits);
    const auto right = take_run(b, digits);
    if (right.empty()) return digits ? 1 : -1;  // a number is newer than letters
    const int order = digits ? compare_numbers(left, right) : left.compare(right);
    if (order != 0) return order > 0 ? 1 : -1;
  }
  if (a.empty() && b.empty()) return 0;
  return a.empty() ? -1 : 1;
}

void sort_bls_entries(std::vector<BlsEntry>& entries, GrubRules rules) {
  const bool by_version = rules == GrubRules::el8 && std::all_of(entries.begin(), entries.end(), [](const auto& entry) {
                            return entry.value("version").has_value();
                          });
  const auto compare = [&](const BlsEntry& a, const BlsEntry& b) {
    if (by_version)
      if (const int order = compare_packages(*a.value("version"), *b.value("version"), true, rules); order != 0)
        return order;
    return compare_packages(a.name, b.name, false, rules);
  };
  // Inserted one by one, as bls_add_entry does: a std::sort wants an order that holds for hostile names too.
  std::vector<BlsEntry> sorted;
  for (auto& entry : entries) {
    auto place = sorted.begin();
    while (place != sorted.end()) {
      const int order = compare(entry, *place);
      if (order == 0)
        throw Undetermined(
            fmt::format("GRUB takes '{}.conf' and '{}.conf' for the same entry", entry.name, place->name));
      if (order > 0) break;
      ++place;
    }
    sorted.insert(place, std::move(entry));
  }
  entries = std::move(sorted);
}

std::string expand_bls_value(std::string_view value,
                             const std::function<std::optional<std::string>(const std::string&)>& variable,
                             GrubRules rules) {
  std::string expanded;
  for (std::size_t i = 0; i < value.size();) {
    const bool escaped = rules == GrubRules::el9 && i > 0 && value[i - 1] == '\\';
    if (value[i] != '$' || escaped) {
      expanded += value[i++];
      continue;
    }
    const auto begin = ++i;
    while (i < value.size() && (is_alphanumeric(value[i]) || value[i] == '_')) ++i;
    if (const auto text = variable(std::string(value.substr(begin, i - begin)))) expanded += *text + " ";
    if (i < value.size() && value[i] == ' ') ++i;
  }
  return expanded;
}

}  // namespace bake::guest
