#include "bake/archive/compression_window.hpp"

#include <cstddef>

namespace bake::archive {
namespace {

std::uint64_t byte_at(std::string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
}

std::uint64_t little_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= byte_at(bytes, at + i) << (8 * i);
  return value;
}

/// Reads one variable-length integer of the xz format.
std::uint64_t take_integer(std::string_view bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    const auto byte = byte_at(bytes, at++);
    value |= (byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) break;
  }
  return value;
}

/// The dictionary of the LZMA2 filter in the first block header.
std::optional<std::uint64_t> xz_window(std::string_view bytes) {
  constexpr std::size_t stream_header = 12;
  const auto flags = byte_at(bytes, stream_header + 1);
  std::size_t at = stream_header + 2;
  if ((flags & 0x40U) != 0) take_integer(bytes, at);  // compressed size
  if ((flags & 0x80U) != 0) take_integer(bytes, at);  // uncompressed size
  for (std::uint64_t filter = 0; filter <= (flags & 3U); ++filter) {
    const auto id = take_integer(bytes, at);
    const auto size = take_integer(bytes, at);
    if (id == 0x21 && size == 1) {
      const auto bits = byte_at(bytes, at) & 0x3FU;
      return bits >= 40 ? 0xFFFFFFFFU : (2 | (bits & 1U)) << (bits / 2 + 11);
    }
    if (size > bytes.size()) break;
    at += size;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> zstd_window(std::string_view bytes) {
  const auto descriptor = byte_at(bytes, 4);
  const bool single_segment = (descriptor & 0x20U) != 0;
  if (!single_segment) {
    const auto window = byte_at(bytes, 5);
    const auto base = std::uint64_t{1} << (10 + (window >> 3U));
    return base + base / 8 * (window & 7U);
  }
  const std::size_t dictionary_id = (descriptor & 3U) == 3 ? 4 : descriptor & 3U;
  switch (descriptor >> 6U) {  // the window is the whole content
    case 0:
      return byte_at(bytes, 5 + dictionary_id);
    case 1:
      return little_endian(bytes, 5 + dictionary_id, 2) + 256;
    case 2:
      return little_endian(bytes, 5 + dictionary_id, 4);
    default:
      return little_endian(bytes, 5 + dictionary_id, 8);
  }
}

}  // namespace

std::optional<std::uint64_t> declared_window(std::string_view first_bytes) {
  using namespace std::string_view_literals;
  if (first_bytes.starts_with("\xFD"
                              "7zXZ\0"sv))
    return xz_window(first_bytes);
  if (first_bytes.starts_with("\x28\xB5\x2F\xFD")) return zstd_window(first_bytes);
  // .lzma has no magic bytes; libarchive recognises it by the same bytes.
  if (first_bytes.starts_with("\x5D\0\0"sv) && first_bytes.size() > 12) return little_endian(first_bytes, 1, 4);
  return std::nullopt;
}

}  // namespace bake::archive
