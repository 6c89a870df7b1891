#include "bake/verify/unit_lines.hpp"

#include "bake/base/text.hpp"

namespace bake::verify {

std::optional<std::string> ambiguous_line(std::string_view text) {
  constexpr std::string_view ends("\r\0", 2);
  constexpr std::size_t longest = 2047;
  for (const auto line : each_line(text))
    if (line.size() >= longest || trim(line).ends_with('\\') || line.find_first_of(ends) != std::string_view::npos)
      return std::string(trim(line).substr(0, 100));
  return std::nullopt;
}

}  // namespace bake::verify
