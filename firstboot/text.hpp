#pragma once

#include <stddef.h>
#include <string.h>

// Text without allocation and without the C++ library: the static program has neither.
namespace firstboot {

/// A reference to bytes of another object.
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

/// Returns the bytes from offset `from` on.
View skip(View text, size_t from);
/// Returns the first `count` bytes, or all when there are fewer.
View first(View text, size_t count);
View trim(View text);
bool starts_with(View text, View prefix);
bool ends_with(View text, View suffix);
/// Compares ASCII letters without case.
bool equal_ignoring_case(View a, View b);
/// Returns the offset of the first `what`, or -1.
ptrdiff_t find(View text, View what);
bool contains(View text, char c);
/// Removes the first line from `text` and gives it without the newline. False: `text` is empty.
bool next_line(View& text, View& line);
/// Parses decimal digits. False: the text is not a number or larger than `limit`.
bool parse_number(View text, unsigned limit, unsigned& value);
/// Parses "0x15b3" or "15b3", with optional white space around it.
bool parse_hex(View text, unsigned& value);
/// Returns the part after the last '/'.
View base_name(View path);
View directory_name(View path);

/// A zero-terminated text in a fixed buffer. Bytes that do not fit are dropped, and truncated() is true then.
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
  /// Appends lower-case hexadecimal digits, padded with zeros to `digits`.
  Text& hex(unsigned value, unsigned digits);
  /// Appends decimal digits, padded with zeros to `digits`.
  Text& padded(unsigned value, unsigned digits);

  void clear();
  /// Keeps the first `size` bytes.
  void shorten(size_t size);
  [[nodiscard]] View view() const { return {data_, size_}; }
  operator View() const { return view(); }
  [[nodiscard]] const char* c_str() const { return data_; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool truncated() const { return truncated_; }

 protected:
  Text(char* data, size_t capacity) : data_(data), capacity_(capacity) {}

 private:
  char* data_;
  size_t capacity_;
  size_t size_ = 0;
  bool truncated_ = false;
};

/// A Text of up to N - 1 bytes.
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
