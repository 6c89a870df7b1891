#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bake::archive {

/// Number of bytes at the start of a stream that declared_window() needs.
inline constexpr std::size_t window_header_size = 1100;

/// Returns how many bytes of memory an xz, lzma or zstd stream needs for its decoder, read from the stream's first
/// header; nothing for other streams. Formats: tukaani.org "The .xz File Format" 1.1, RFC 8878.
std::optional<std::uint64_t> declared_window(std::string_view first_bytes);

}  // namespace bake::archive
