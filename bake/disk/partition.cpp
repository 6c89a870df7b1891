#include "bake/disk/partition.hpp"

#include <algorithm>
#include <cstring>

namespace bake {
namespace {

constexpr std::uint64_t sector = 512;
constexpr std::size_t mbr_entries_at = 446;
constexpr std::size_t mbr_entry_size = 16;
constexpr unsigned gpt_protective = 0xee;

using Head = std::span<const std::byte, partition_head_size>;

std::uint64_t little_endian(Head head, std::size_t at, std::size_t length) {
  std::uint64_t value = 0;
  for (std::size_t i = length; i-- > 0;) value = value << 8U | std::to_integer<std::uint64_t>(head[at + i]);
  return value;
}

/// Returns the end of the last partition, or 0 when the bytes are not four partition entries (for example boot code):
/// the status byte of an entry is 0x00 or 0x80.
std::uint64_t mbr_end(Head head) {
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto at = mbr_entries_at + i * mbr_entry_size;
    const auto status = std::to_integer<unsigned>(head[at]);
    const auto type = std::to_integer<unsigned>(head[at + 4]);
    if (status != 0 && status != 0x80) return 0;
    // A protective entry may describe the whole disk in several ways; the GPT has the exact size.
    if (type == 0 || type == gpt_protective) continue;
    end = std::max(end, (little_endian(head, at + 8, 4) + little_endian(head, at + 12, 4)) * sector);
  }
  return end;
}

}  // namespace

bool has_boot_signature(Head head) {
  return std::to_integer<unsigned>(head[510]) == 0x55 && std::to_integer<unsigned>(head[511]) == 0xaa;
}

std::uint64_t partition_table_end(Head head) {
  if (!has_boot_signature(head)) return 0;
  if (std::memcmp(head.data() + sector, "EFI PART", 8) != 0) return mbr_end(head);
  const auto backup_header = little_endian(head, sector + 32, 8);
  return backup_header < UINT64_MAX / sector ? (backup_header + 1) * sector : UINT64_MAX;
}

}  // namespace bake
