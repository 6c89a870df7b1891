#pragma once

#include <string>
#include <string_view>

namespace bake {

/// A command line as a hint names it: in quotes, unless an argument of it needed some.
std::string quote_command(std::string_view command);

}  // namespace bake
