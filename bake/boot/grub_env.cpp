#include "bake/boot/grub_env.hpp"

#include <algorithm>

#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

bool is_name_char(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; }

/// The value at `at`, to the end of its line; a backslash takes the next character as it is. False when the text ends
/// before the line does.
bool take_value(std::string_view text, std::size_t& at, std::string& value) {
  while (at < text.size() && text[at] != '\n') {
    if (text[at] == '\\') ++at;
    if (at >= text.size()) return false;
    value += text[at++];
  }
  return at < text.size();
}

}  // namespace

GrubVariables parse_grubenv(std::string_view text) {
  constexpr std::string_view signature = "# GRUB Environment Block\n";
  GrubVariables variables;
  if (!text.starts_with(signature)) return variables;
  for (std::size_t at = signature.size(); at < text.size(); ++at) {
    if (text[at] == '#') {
      at = text.find('\n', at);
      if (at == std::string_view::npos) break;
      continue;
    }
    const auto equals = text.find('=', at);
    if (equals == std::string_view::npos) break;
    const auto name = text.substr(at, equals - at);
    at = equals + 1;
    std::string value;
    if (!take_value(text, at, value)) break;
    // A script cannot name any other variable.
    if (!name.empty() && std::all_of(name.begin(), name.end(), is_name_char)) variables[std::string(name)] = value;
  }
  return variables;
}

}  // namespace bake::guest
