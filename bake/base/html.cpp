#include "bake/base/html.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bake/base/printable.hpp"

// bake_embed() in CMakeLists.txt defines these.
extern "C" {
extern const char bake_embed_page_css_begin[], bake_embed_page_css_end[];
}

namespace bake {
namespace {

/// Returns `text` with U+FFFD for bytes that are not UTF-8.
std::string valid_utf8(std::string_view text) {
  using Json = nlohmann::json;
  const auto quoted = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(quoted).get<std::string>();
}

/// Returns whether these three bytes are a character that changes the direction of text.
bool turns_direction(std::string_view three) {
  if (three.size() < 3 || three[0] != '\xE2') return false;
  const auto last = static_cast<unsigned char>(three[2]);
  return (three[1] == '\x80' && last >= 0xAA && last <= 0xAE) || (three[1] == '\x81' && last >= 0xA6 && last <= 0xA9);
}

}  // namespace

std::string escape_html(std::string_view text) {
  const auto clean = without_controls(valid_utf8(text));
  std::string safe;
  safe.reserve(clean.size());
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const auto three = std::string_view(clean).substr(i, 3);
    if (turns_direction(three)) {
      for (const char c : three) safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      i += 2;
      continue;
    }
    switch (clean[i]) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += clean[i];
    }
  }
  return safe;
}

std::string fill_template(std::string_view page, const std::map<std::string, std::string, std::less<>>& parts) {
  std::string text;
  for (;;) {
    const auto begin = page.find("{{");
    text += page.substr(0, begin);
    if (begin == std::string_view::npos) return text;
    const auto end = page.find("}}", begin);
    text += parts.at(std::string(page.substr(begin + 2, end - begin - 2)));
    page.remove_prefix(end + 2);
  }
}

std::string_view style_sheet() {
  return {bake_embed_page_css_begin, static_cast<std::size_t>(bake_embed_page_css_end - bake_embed_page_css_begin)};
}

}  // namespace bake
