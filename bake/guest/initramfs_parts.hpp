#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bake::guest {

// The archives that an initramfs consists of, for its reader and its editor.

/// Numbers of fields in the header of a cpio archive in "newc" form.
inline constexpr std::size_t cpio_links = 4;
inline constexpr std::size_t cpio_file_size = 6;
inline constexpr std::size_t cpio_name_size = 11;

/// Returns field number `index` of a cpio header: eight hexadecimal digits, after the six of the magic and the fields
/// before it; empty when a character is not a digit.
std::optional<std::size_t> cpio_field(std::string_view header, std::size_t index);

/// Returns the archives of an initramfs in their order: each uncompressed cpio archive with the zeros behind it, and
/// the rest, which may be compressed. Throws Error{verification} when one is damaged or the rest is not an archive.
std::vector<std::string_view> initramfs_parts(std::string_view bytes, const std::string& name);

}  // namespace bake::guest
