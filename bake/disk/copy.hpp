#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "bake/base/file.hpp"
#include "bake/base/progress.hpp"
#include "bake/disk/source.hpp"

namespace bake {

/// Writes the disk in `source` to `destination` (created or truncated, never through a link) as raw data of exactly
/// source.data_size bytes: as a reflink when the file system supports it, otherwise as a copy in which holes and 64 KiB
/// blocks of zeros become holes; other formats are converted by qemu-img. The source is only read. Throws
/// Error{failed}, also when the source changed during the copy, or {environment} when the disk is full.
void copy_to_raw(const SourceDisk& source, const std::filesystem::path& destination, Progress& progress);

/// The same to an empty file that is open for writing; `name` is for messages.
void copy_to_raw(const SourceDisk& source, const FileDescriptor& out, const std::filesystem::path& name,
                 Progress& progress);

/// Writes `data` at byte `offset` of a file that is a hole there, and leaves out 64 KiB blocks of zeros: they stay
/// holes. The caller sets the file's length. Throws like write_at.
void write_sparse(const FileDescriptor& out, std::span<const std::byte> data, std::uint64_t offset,
                  const std::filesystem::path& name);

/// Returns the bytes that copy_to_raw may need on a file system without reflinks: the allocated bytes, not the virtual
/// size.
std::uint64_t space_needed(const SourceDisk& source);

}  // namespace bake
