// Any 512 bytes: parsing, judging and writing them again must neither crash nor change a field.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "bake/disk/footer.hpp"
#include "bake/disk/partition.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::array<std::byte, bake::partition_head_size> head{};
  std::transform(data, data + std::min(size, head.size()), head.begin(), [](auto byte) { return std::byte{byte}; });
  bake::partition_table_end(head);

  const auto footer = bake::parse_footer(std::span(head).first<bake::footer_size>());
  if (!footer) return 0;
  bake::check_footer(*footer, size);
  bake::check_size(footer->current_size);
  auto again = bake::parse_footer(bake::serialize(*footer));
  if (!again) std::abort();
  // The checksum is made afresh, over reserved bytes that are zero now.
  again->checksum = footer->checksum;
  again->computed_checksum = footer->computed_checksum;
  if (*again != *footer) std::abort();
  return 0;
}
