#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bake {

/// Number of bytes at the start of a disk with the MBR and the GPT header (512-byte sectors).
constexpr std::size_t partition_head_size = 1024;

/// Returns the minimum size in bytes of a disk with this partition table: the end of the last MBR partition, or one
/// sector past the backup GPT. 0 when there is no partition table. A smaller disk is truncated.
std::uint64_t partition_table_end(std::span<const std::byte, partition_head_size> head);

/// True when the boot sector has the signature 0x55AA, like every MBR and GPT disk.
bool has_boot_signature(std::span<const std::byte, partition_head_size> head);

}  // namespace bake
