#pragma once

#include <string>
#include <string_view>

namespace bake {

/// Returns `text` with every character except printable ASCII as \xNN: safe to show on a terminal.
std::string printable(std::string_view text);

}  // namespace bake
