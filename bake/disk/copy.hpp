#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/progress.hpp"
#include "bake/disk/source.hpp"

namespace bake {

/// Writes the disk in `source` to `destination` (made or emptied) as raw data, exactly source.data_size bytes long: a
/// reflink where the file system has them, else a copy in which holes and 64 KiB blocks of zeros become holes; other
/// formats through qemu-img. The source is only read. With `source_hash`, the source file's every byte (holes and
/// footer included) is fed to it, as `sha256sum` would, in the same pass. Throws Error{failed}, or {environment} when
/// the disk is full.
void copy_to_raw(const SourceDisk& source, const std::filesystem::path& destination, Progress& progress,
                 Hasher* source_hash = nullptr);

/// Writes `data` at byte `offset` of a file that is a hole there, leaving out 64 KiB blocks of zeros: they stay holes.
/// The file's length is the caller's business. Throws like write_at.
void write_sparse(const FileDescriptor& out, std::span<const std::byte> data, std::uint64_t offset,
                  const std::filesystem::path& name);

/// Bytes that copy_to_raw may need on a file system without reflinks: what is allocated, not the virtual size.
std::uint64_t space_needed(const SourceDisk& source);

}  // namespace bake
