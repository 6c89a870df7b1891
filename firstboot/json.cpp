#include "firstboot/json.hpp"

namespace firstboot {
namespace {

/// Moves through one document. Every function keeps the position inside the text and returns false at its end.
class Scanner {
 public:
  explicit Scanner(View text) : rest_(text) {}

  bool enter(View step) {
    skip_space();
    unsigned index = 0;
    if (peek() == '[' && parse_number(step, 1000, index)) return enter_element(index);
    for (; peek() == '['; skip_space()) advance();
    return peek() == '{' && enter_member(step);
  }

  bool read_string(Text& out) {
    skip_space();
    View raw;
    return take_string(raw) && decode(raw, out);
  }

 private:
  [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_[0]; }
  void advance() { rest_ = skip(rest_, 1); }
  void skip_space() {
    while (!rest_.empty() && is_space(rest_[0])) advance();
  }

  bool enter_member(View key) {
    advance();
    for (;;) {
      skip_space();
      View name;
      if (!take_string(name)) return false;
      skip_space();
      if (peek() != ':') return false;
      advance();
      if (name == key) return true;
      if (!skip_value()) return false;
      skip_space();
      if (peek() != ',') return false;
      advance();
    }
  }

  bool enter_element(unsigned index) {
    advance();
    for (; index > 0; --index) {
      if (!skip_value()) return false;
      skip_space();
      if (peek() != ',') return false;
      advance();
    }
    return true;
  }

  /// The bytes between the quotes, still escaped.
  bool take_string(View& raw) {
    if (peek() != '"') return false;
    advance();
    for (size_t i = 0; i < rest_.size; ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        raw = first(rest_, i);
        rest_ = skip(rest_, i + 1);
        return true;
      }
    }
    return false;
  }

  /// Brackets are counted, not matched: enough to find the next member, and nothing recurses.
  bool skip_value() {
    size_t depth = 0;
    for (;;) {
      skip_space();
      const char c = peek();
      View ignored;
      if (c == '"') {
        if (!take_string(ignored)) return false;
      } else if (c == '{' || c == '[') {
        ++depth;
        advance();
        continue;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return false;
        --depth;
        advance();
      } else if (c == ',' || c == ':') {
        if (depth == 0) return false;
        advance();
        continue;
      } else if (!skip_word()) {
        return false;
      }
      if (depth == 0) return true;
    }
  }

  /// A number, true, false or null.
  bool skip_word() {
    size_t length = 0;
    const View punctuation = "{}[],:\"";
    while (length < rest_.size && !is_space(rest_[length]) && !contains(punctuation, rest_[length])) ++length;
    rest_ = skip(rest_, length);
    return length > 0;
  }

  static bool decode(View raw, Text& out) {
    for (size_t i = 0; i < raw.size; ++i) {
      if (raw[i] != '\\') {
        out << raw[i];
        continue;
      }
      if (++i >= raw.size) return false;
      if (raw[i] == 'u') {
        unsigned code = 0;
        if (raw.size - i < 5 || !parse_hex(View(raw.data + i + 1, 4), code)) return false;
        append_utf8(out, code);
        i += 4;
      } else if (!append_escape(out, raw[i])) {
        return false;
      }
    }
    return !out.truncated();
  }

  static bool append_escape(Text& out, char letter) {
    static constexpr char letters[] = "\"\\/bfnrt";
    static constexpr char meanings[] = "\"\\/\b\f\n\r\t";
    for (size_t i = 0; letters[i] != '\0'; ++i)
      if (letters[i] == letter) {
        out << meanings[i];
        return true;
      }
    return false;
  }

  static void append_utf8(Text& out, unsigned code) {
    if (code < 0x80) {
      out << static_cast<char>(code);
    } else if (code < 0x800) {
      out << static_cast<char>(0xC0 | (code >> 6)) << static_cast<char>(0x80 | (code & 0x3F));
    } else {
      out << static_cast<char>(0xE0 | (code >> 12)) << static_cast<char>(0x80 | ((code >> 6) & 0x3F))
          << static_cast<char>(0x80 | (code & 0x3F));
    }
  }

  View rest_;
};

}  // namespace

bool json_string(View document, const View* path, size_t depth, Text& out) {
  if (starts_with(document, "\xEF\xBB\xBF")) document = skip(document, 3);
  Scanner scanner(document);
  for (size_t i = 0; i < depth; ++i)
    if (!scanner.enter(path[i])) return false;
  return scanner.read_string(out);
}

void json_quote(Text& out, View text) {
  out << '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out << '\\' << c;
    } else if (byte < 0x20 || byte >= 0x7F) {
      out << "\\u";
      out.hex(byte, 4);
    } else {
      out << c;
    }
  }
  out << '"';
}

}  // namespace firstboot
