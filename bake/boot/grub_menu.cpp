#include "bake/boot/grub_menu.hpp"

#include <limits>

#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// The character at `at`, NUL after the end, as the comparisons of menu.c need it.
char at(std::string_view text, std::size_t position) { return position < text.size() ? text[position] : '\0'; }

/// menuentry_eq of menu.c: true when `name` is `value`, or `value` up to its '>'.
bool names_entry(std::string_view name, std::string_view value) {
  std::size_t i = 0;
  for (std::size_t k = 0;; ++i, ++k) {
    if (at(value, k) == '>' && at(value, k + 1) != '>') return i >= name.size() && !name.empty();
    if (at(value, k) == '>') ++k;
    if (at(name, i) != at(value, k)) return false;
    if (at(name, i) == '\0') return !name.empty();
  }
}

/// Position after the id in a list that blanks separate, when the first word of `value` is the id (EL8 and later).
bool first_word_names(std::string_view id, std::string_view value, std::size_t length) {
  std::size_t k = 0;
  for (std::size_t i = 0; i <= length; ++i, ++k) {
    if (at(value, k) == '>' && at(value, k + 1) != '>') return i >= id.size() && k > 0;
    if (at(value, k) == '>') ++k;
    if (at(id, i) != at(value, k)) return i == length && at(id, i) == '\0' && is_space(at(value, k)) && i > 1;
    if (at(id, i) == '\0') return i > 0;
  }
  return false;
}

/// What a value names, and where the rest of the value begins.
struct Found {
  std::optional<std::uint64_t> index;
  std::size_t rest = std::string_view::npos;  ///< npos: there is no rest
};

Found find_upstream(const std::vector<GrubEntry>& entries, std::string_view value) {
  const auto number = parse_grub_number(value);
  if (number.overflow) return {};
  if (number.found) return {number.value, number.end};
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (names_entry(entries[i].title, value) || names_entry(entries[i].id, value)) return {i, number.end};
  return {};
}

/// get_entry_number_helper of EL8 and later.
Found find_by_id(const std::vector<GrubEntry>& entries, std::string_view value) {
  std::size_t length = 0;
  while (length < value.size() && !is_space(value[length])) ++length;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (first_word_names(entries[i].id, value, length)) return {i, length};
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (names_entry(entries[i].title, value)) return {i, std::string_view::npos};
  const auto number = parse_grub_number(value);
  const char after = at(value, number.end);
  if (!number.found || (after != '\0' && !is_space(after))) return {};
  return {number.value, number.end};
}

std::optional<std::size_t> within(const std::vector<GrubEntry>& entries, const Found& found) {
  if (!found.index || *found.index >= entries.size()) return std::nullopt;
  return static_cast<std::size_t>(*found.index);
}

}  // namespace

GrubNumber parse_grub_number(std::string_view text) {
  GrubNumber number;
  std::size_t i = 0;
  while (is_space(at(text, i))) ++i;
  unsigned base = 10;
  if (at(text, i) == '0' && at(text, i + 1) == 'x') {
    base = 16;
    i += 2;
  } else if (at(text, i) == '0' && at(text, i + 1) >= '0' && at(text, i + 1) <= '7') {
    base = 8;
  }
  for (; i < text.size(); ++i) {
    const char c = text[i];
    unsigned digit = base;
    if (is_digit(c)) digit = static_cast<unsigned>(c - '0');
    if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) digit = static_cast<unsigned>((c | 0x20) - 'a') + 10;
    if (digit >= base) break;
    number.found = true;
    if (number.value > (std::numeric_limits<std::uint64_t>::max() - digit) / base) {
      number.overflow = true;
      break;
    }
    number.value = number.value * base + digit;
  }
  number.end = i;
  return number;
}

std::int64_t parse_signed_grub_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto number = parse_grub_number(negative ? text.substr(1) : text);
  if (!number.found) return 0;
  constexpr auto max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const auto value = static_cast<std::int64_t>(std::min(number.overflow ? max : number.value, max));
  return negative ? -value : value;
}

std::optional<std::size_t> find_grub_entry(GrubRules rules, const std::vector<GrubEntry>& entries,
                                           std::string_view value) {
  if (rules == GrubRules::upstream) return within(entries, find_upstream(entries, value));
  const auto found = find_by_id(entries, value);
  if (found.rest < value.size()) return std::nullopt;  // the value is more than one entry
  return within(entries, found);
}

std::optional<std::size_t> take_fallback_entry(GrubRules rules, const std::vector<GrubEntry>& entries,
                                               std::string& value) {
  const auto found = rules == GrubRules::upstream ? find_upstream(entries, value) : find_by_id(entries, value);
  auto rest = std::min(found.rest, value.size());
  if (rules == GrubRules::upstream || is_space(at(value, rest)))
    while (is_space(at(value, rest))) ++rest;
  value = found.index ? value.substr(rest) : std::string{};
  return within(entries, found);
}

std::optional<std::string> default_of_submenu(std::string_view value) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '>') continue;
    if (at(value, i + 1) == '>') {
      ++i;
      continue;
    }
    if (i + 1 < value.size()) return std::string(value.substr(i + 1));
    break;
  }
  return std::nullopt;
}

}  // namespace bake::guest
