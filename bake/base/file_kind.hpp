#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace bake {

/// Bytes at the start of a file that kind_of_bytes() needs.
inline constexpr std::size_t kind_bytes = 512;

/// Returns what a file seems to be by its first bytes, for a message: "a gzip file", "an OpenPGP public key", "a YAML
/// file with schema bake/v1"; empty when it is not known.
std::string kind_of_bytes(std::string_view head);

/// Returns whether a file with these first bytes is compressed: gzip, xz, zstd, bzip2 or zip.
bool is_compressed(std::string_view head);

/// Returns kind_of_bytes() of a file. Throws Error{usage} when it does not exist or is a directory.
std::string kind_of_file(const std::filesystem::path& file);

}  // namespace bake
