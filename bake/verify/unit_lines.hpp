#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bake::verify {

/// Returns the first line of a unit or of system.conf that some version of systemd does not read as one line, at most
/// its first 100 characters; nothing when there is none. A line that ends in a backslash continues on the next one, in
/// old versions also a comment, and these versions split a line of 2048 bytes (systemd v219, src/shared/conf-parser.c,
/// config_parse). For newer ones a line also ends at a carriage return or a NUL (src/basic/fileio.c, categorize_eol).
std::optional<std::string> ambiguous_line(std::string_view text);

}  // namespace bake::verify
