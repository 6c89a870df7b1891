#include "bake/base/printable.hpp"

#include <fmt/format.h>

namespace bake {

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F)
      shown += c;
    else
      shown += fmt::format("\\x{:02x}", byte);
  }
  return shown;
}

std::string without_controls(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are controls too; 9B begins a sequence as ESC [ does.
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    const bool second_set = byte == 0xC2 && next >= 0x80 && next < 0xA0;
    if (second_set) ++i;
    if (second_set)
      shown += fmt::format("\\x{:02x}", next);
    else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F)
      shown += fmt::format("\\x{:02x}", byte);
    else
      shown += text[i];
  }
  return shown;
}

std::string on_one_line(std::string_view text) {
  std::string shown;
  for (const char c : without_controls(text))
    if (c == '\n' || c == '\t')
      shown += c == '\n' ? "\\x0a" : "\\x09";
    else
      shown += c;
  return shown;
}

}  // namespace bake
