#pragma once

#include <stddef.h>
#include <string.h>

// Text without allocation and without the C++ library's run time: the static program has neither.
namespace firstboot {

/// Bytes owned by someone else.
struct View {
  const char* data = "";
  size_t size = 0;

  constexpr View() = default;
  constexpr View(const char* bytes, size_t count) : data(bytes), size(count) {}
  constexpr View(const char* text) : data(text), size(__builtin_strlen(text)) {}

  [[nodiscard]] bool empty() const { return size == 0; }
  [[nodiscard]] const char* begin() const { return data; }
  [[nodiscard]] const char* end() const { return data + size; }
  char operator[](size_t i) const { return data[i]; }
};

inline bool operator==(View a, View b) { return a.size == b.size && memcmp(a.data, b.data, a.size) == 0; }

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// The part from `from` on; empty when there is none.
View skip(View text, size_t from);
/// The first `count` bytes, or all.
View first(View text, size_t count);
View trim(View text);
bool starts_with(View text, View prefix);
bool ends_with(View text, View suffix);
/// ASCII only.
bool equal_ignoring_case(View a, View b);
/// Offset of the first `what`, or -1.
ptrdiff_t find(View text, View what);
bool contains(View text, char c);
/// Takes the first line (without its end) off `text`. False when `text` is empty.
bool next_line(View& text, View& line);
/// Decimal digits only, at most `limit`.
bool parse_number(View text, unsigned limit, unsigned& value);
/// "0x15b3" or "15b3", optional white space around it.
bool parse_hex(View text, unsigned& value);
/// The part after the last '/'.
View base_name(View path);
View directory_name(View path);

/// Appends to a fixed buffer, always zero-terminated. What does not fit is dropped and remembered in cut().
class Text {
 public:
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  Text& operator<<(View text);
  Text& operator<<(const char* text) { return *this << View(text); }
  Text& operator<<(char c);
  Text& operator<<(unsigned long number);
  Text& operator<<(unsigned char number) { return *this << static_cast<unsigned long>(number); }
  Text& operator<<(unsigned number) { return *this << static_cast<unsigned long>(number); }
  /// Lower case, padded with zeros to `digits`.
  Text& hex(unsigned value, unsigned digits);
  /// Decimal, padded with zeros to `digits`.
  Text& padded(unsigned value, unsigned digits);

  void clear();
  /// Keeps the first `size` bytes.
  void shorten(size_t size);
  [[nodiscard]] View view() const { return {data_, size_}; }
  operator View() const { return view(); }
  [[nodiscard]] const char* c_str() const { return data_; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool cut() const { return cut_; }

 protected:
  Text(char* data, size_t capacity) : data_(data), capacity_(capacity) {}

 private:
  char* data_;
  size_t capacity_;
  size_t size_ = 0;
  bool cut_ = false;
};

/// A Text of at most N - 1 bytes.
template <size_t N>
class Buffer : public Text {
 public:
  Buffer() : Text(bytes_, N) { bytes_[0] = '\0'; }
  explicit Buffer(View text) : Buffer() { *this << text; }
  Buffer(const Buffer& other) : Buffer() { *this << other.view(); }
  Buffer& operator=(const Buffer& other) {
    if (this != &other) assign(other.view());
    return *this;
  }
  void assign(View text) {
    clear();
    *this << text;
  }

 private:
  char bytes_[N];  // NOLINT: filled through Text
};

}  // namespace firstboot
