#pragma once

#include <string>
#include <string_view>

namespace bake {

/// Returns `text` with every character except printable ASCII as \xNN: safe to show on a terminal.
std::string printable(std::string_view text);

/// Returns `text` in any language and of any number of lines with control characters, except line breaks and tabs, as
/// \xNN. Messages contain names and output of hostile input, which must not move the cursor or set the window's title.
std::string without_controls(std::string_view text);

/// Returns `text` like without_controls(), with line breaks and tabs as \xNN too: for a value inside a line.
std::string on_one_line(std::string_view text);

}  // namespace bake
