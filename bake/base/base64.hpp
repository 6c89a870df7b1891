#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bake {

/// `bytes` as base64 with padding, on one line (RFC 4648, section 4).
std::string to_base64(std::string_view bytes);

/// The bytes of base64 `text` with padding, on one line. Empty when `text` is not canonical base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace bake
