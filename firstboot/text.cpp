#include "firstboot/text.hpp"

namespace firstboot {

View skip(View text, size_t from) {
  if (from >= text.size) return {text.data + text.size, 0};
  return {text.data + from, text.size - from};
}

View first(View text, size_t count) { return {text.data, count < text.size ? count : text.size}; }

View trim(View text) {
  while (text.size > 0 && is_space(text[text.size - 1])) --text.size;
  while (text.size > 0 && is_space(text[0])) text = skip(text, 1);
  return text;
}

bool starts_with(View text, View prefix) { return text.size >= prefix.size && first(text, prefix.size) == prefix; }

bool ends_with(View text, View suffix) {
  return text.size >= suffix.size && skip(text, text.size - suffix.size) == suffix;
}

bool equal_ignoring_case(View a, View b) {
  if (a.size != b.size) return false;
  for (size_t i = 0; i < a.size; ++i)
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

ptrdiff_t find(View text, View what) {
  if (what.size == 0) return 0;
  for (size_t i = 0; i + what.size <= text.size; ++i)
    if (text[i] == what[0] && memcmp(text.data + i, what.data, what.size) == 0) return static_cast<ptrdiff_t>(i);
  return -1;
}

bool contains(View text, char c) { return text.size > 0 && memchr(text.data, c, text.size) != nullptr; }

bool next_line(View& text, View& line) {
  if (text.empty()) return false;
  const ptrdiff_t end = find(text, "\n");
  line = end < 0 ? text : first(text, static_cast<size_t>(end));
  text = skip(text, line.size + 1);
  return true;
}

bool parse_number(View text, unsigned limit, unsigned& value) {
  if (text.empty()) return false;
  unsigned long sum = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    sum = sum * 10 + static_cast<unsigned long>(c - '0');
    if (sum > limit) return false;
  }
  value = static_cast<unsigned>(sum);
  return true;
}

bool parse_hex(View text, unsigned& value) {
  text = trim(text);
  if (starts_with(text, "0x")) text = skip(text, 2);
  if (text.empty() || text.size > 8) return false;
  unsigned sum = 0;
  for (const char c : text) {
    const char lower = to_lower(c);
    if (is_digit(lower)) {
      sum = sum * 16 + static_cast<unsigned>(lower - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      sum = sum * 16 + static_cast<unsigned>(lower - 'a') + 10;
    } else {
      return false;
    }
  }
  value = sum;
  return true;
}

View base_name(View path) {
  for (size_t i = path.size; i > 0; --i)
    if (path[i - 1] == '/') return skip(path, i);
  return path;
}

View directory_name(View path) {
  for (size_t i = path.size; i > 0; --i)
    if (path[i - 1] == '/') return first(path, i - 1);
  return {};
}

Text& Text::operator<<(View text) {
  const size_t room = capacity_ - 1 - size_;
  if (text.size > room) truncated_ = true;
  const size_t count = text.size < room ? text.size : room;
  memmove(data_ + size_, text.data, count);
  size_ += count;
  data_[size_] = '\0';
  return *this;
}

Text& Text::operator<<(char c) { return *this << View(&c, 1); }

Text& Text::operator<<(unsigned long number) {
  char digits[20];
  size_t at = sizeof digits;
  do {
    digits[--at] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  return *this << View(digits + at, sizeof digits - at);
}

Text& Text::hex(unsigned value, unsigned digits) {
  for (unsigned i = digits; i > 0; --i) *this << "0123456789abcdef"[(value >> (4 * (i - 1))) & 0xF];
  return *this;
}

Text& Text::padded(unsigned value, unsigned digits) {
  unsigned power = 1;
  for (unsigned i = 1; i < digits; ++i) power *= 10;
  for (; power > 0; power /= 10) *this << static_cast<char>('0' + value / power % 10);
  return *this;
}

void Text::clear() {
  shorten(0);
  truncated_ = false;
}

void Text::shorten(size_t size) {
  if (size < size_) size_ = size;
  data_[size_] = '\0';
}

}  // namespace firstboot
