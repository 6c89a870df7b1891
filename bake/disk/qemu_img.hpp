#pragma once

#include <cstdint>
#include <filesystem>

#include "bake/base/file.hpp"
#include "bake/disk/source.hpp"

namespace bake {

/// Returns the virtual size of a VHDX in bytes, as qemu-img reads it. Throws Error{failed} with the message of qemu-img
/// when that fails, or Error{environment} when there is no qemu-img.
std::uint64_t vhdx_size(const std::filesystem::path& path);

/// Writes the disk in `source` (one that needs conversion) to `out`, an empty file that is open for writing, as sparse
/// raw data. The call always names the format: qemu-img never guesses it from the content. Throws like vhdx_size.
void convert_to_raw(const SourceDisk& source, const FileDescriptor& out);

/// Makes `overlay`, a qcow2 file whose backing is the data region of `source` (raw data, or a fixed VHD without its
/// footer). Throws like vhdx_size.
void create_overlay(const SourceDisk& source, const std::filesystem::path& overlay);

/// Returns how many bytes of `source` (one that needs conversion) are data and take space as raw. Throws like
/// vhdx_size.
std::uint64_t data_bytes_in(const SourceDisk& source);

}  // namespace bake
