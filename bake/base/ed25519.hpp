#pragma once

#include <string_view>

namespace bake {

/// Whether `signature` (64 bytes) over `message` was made by the Ed25519 key whose public half is `key` (32 bytes),
/// RFC 8032. False for wrong sizes too.
bool verify_ed25519(std::string_view key, std::string_view signature, std::string_view message);

}  // namespace bake
