#include "bake/base/hint.hpp"

#include <fmt/format.h>

namespace bake {

std::string quote_command(std::string_view command) {
  return command.find('\'') == std::string_view::npos ? fmt::format("'{}'", command) : std::string(command);
}

}  // namespace bake
