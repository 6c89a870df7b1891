#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bake {

/// Bytes from the start of a disk that hold the MBR and the GPT header (512-byte sectors).
constexpr std::size_t partition_head_size = 1024;

/// The size in bytes that a disk must at least have for what its partition table says: where the last MBR partition
/// ends, or one sector past the backup GPT. 0 when there is no partition table. A smaller disk was cut off.
std::uint64_t partition_table_end(std::span<const std::byte, partition_head_size> head);

/// Whether the boot sector carries the signature 0x55AA, as every MBR and GPT disk does.
bool has_boot_signature(std::span<const std::byte, partition_head_size> head);

}  // namespace bake
