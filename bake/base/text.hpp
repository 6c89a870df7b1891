#pragma once

#include <concepts>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bake {

/// True for '0' to '9', in every locale.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// `text` without white space at either end.
std::string_view trim(std::string_view text);

/// The pieces of `text` between `separator`s; n separators give n + 1 pieces, empty ones included.
std::vector<std::string> split(std::string_view text, char separator);

/// The piece of split() with this number, from 0, without a copy; nothing when there are fewer pieces.
std::optional<std::string_view> piece_of(std::string_view text, char separator, std::size_t number);

/// The lines of `text` without their newlines; a final newline does not start another line. "\r\n" counts as one.
std::vector<std::string> split_lines(std::string_view text);

/// The lines that split_lines() returns, as views of the text, one after the other.
class Lines {
 public:
  class Iterator {
   public:
    explicit Iterator(std::string_view text) : rest_(text) { ++*this; }
    std::string_view operator*() const { return line_; }
    Iterator& operator++();
    bool operator==(std::default_sentinel_t /*end*/) const { return ended_; }

   private:
    std::string_view rest_;
    std::string_view line_;
    bool ended_ = false;
  };

  explicit Lines(std::string_view text) : text_(text) {}
  [[nodiscard]] Iterator begin() const { return Iterator(text_); }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

 private:
  std::string_view text_;
};

/// The lines of `text` for a loop, without a copy: the text of a guest may have millions of lines. `text` must exist as
/// long as the loop runs, so a temporary string is not accepted.
inline Lines each_line(std::string_view text) { return Lines(text); }
template <std::same_as<std::string> Text>
Lines each_line(Text&& text) = delete;

/// The words of `text` between runs of white space.
std::vector<std::string> split_words(std::string_view text);

/// Returns the last `count` lines of `text` that are not blank, joined with `separator`, for a message.
std::string last_lines(std::string_view text, std::size_t count = 6, std::string_view separator = " | ");

std::string join(const std::vector<std::string>& pieces, std::string_view separator);

/// ASCII lower case.
std::string to_lower(std::string_view text);

std::string replace_all(std::string text, std::string_view from, std::string_view to);

/// Returns the candidate with the smallest edit distance to `word` (case ignored), or nothing when the distance is more
/// than a third of the word's length (one edit is always allowed).
std::optional<std::string> closest(std::string_view word, const std::vector<std::string>& candidates);

/// "did you mean 'x'?" for the closest candidate, or an empty string; the hint of a Problem.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

/// `text` as one word of a POSIX shell: quoted when it contains a character other than [A-Za-z0-9_@%+=:,./-].
std::string shell_quote(std::string_view text);

/// 1536 → "1.5 KiB", 32212254720 → "30 GiB".
std::string human_size(std::uint64_t bytes);

/// -1, 0 or 1 as dotted version `a` is older than, equal to or newer than `b`: runs of digits compare as numbers, all
/// other runs as text; "5.10-1" > "5.9-2". For OFED releases, kernels and agents; libsolv compares package versions.
int compare_versions(std::string_view a, std::string_view b);

}  // namespace bake
