#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bake/base/error.hpp"

namespace bake {

constexpr std::size_t footer_size = 512;
constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;
constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30U;

enum class VhdType : std::uint32_t { fixed = 2, dynamic = 3, differencing = 4 };

/// The 512 bytes at the end of every VHD, as "Virtual Hard Disk Image Format Specification" 1.0 (Microsoft, 2006)
/// defines them, big-endian. The bytes of a parsed footer had the cookie "conectix".
struct VhdFooter {
  std::uint32_t features = 2;
  std::uint32_t version = 0x00010000;
  std::uint64_t data_offset = ~std::uint64_t{0};  ///< of the dynamic header; all ones in a fixed disk
  std::uint32_t timestamp = 0;                    ///< seconds since 2000-01-01 UTC
  std::string creator_app = std::string(4, '\0');
  std::uint32_t creator_version = 0;
  std::string creator_host = std::string(4, '\0');
  std::uint64_t original_size = 0;  ///< bytes
  std::uint64_t current_size = 0;   ///< bytes: the virtual size, independent of the geometry
  std::uint16_t cylinders = 0;
  std::uint8_t heads = 0;
  std::uint8_t sectors_per_track = 0;
  VhdType type = VhdType::fixed;        ///< may be a number that is not a VhdType
  std::uint32_t checksum = 0;           ///< as stored
  std::uint32_t computed_checksum = 0;  ///< computed from the bytes
  std::string uuid;                     ///< "8-4-4-4-12"
  std::uint8_t saved_state = 0;

  /// Seconds since 1970.
  [[nodiscard]] std::int64_t created() const;
  /// The size in bytes that cylinders × heads × sectors give; may be less than current_size.
  [[nodiscard]] std::uint64_t chs_capacity() const;

  friend bool operator==(const VhdFooter&, const VhdFooter&) = default;
};

/// The problems of a disk: with errors Azure or bake rejects it, with warnings not. Problem::where is the field.
struct Findings {
  std::vector<Problem> errors;
  std::vector<Problem> warnings;

  void append(Findings other);
};

/// Decodes a footer; nothing when the cookie "conectix" is missing. Checks nothing else.
std::optional<VhdFooter> parse_footer(std::span<const std::byte, footer_size> bytes);

/// Checks `footer` for a fixed VHD file of `file_size` bytes: checksum, type, version, sizes, saved state. Warns when
/// qemu-img would compute the size from the geometry.
Findings check_footer(const VhdFooter& footer, std::uint64_t file_size);

/// Checks whether Azure accepts a disk of `virtual_size` bytes: a multiple of 1 MiB, at most 2040 GiB (the limit of the
/// VHD format). Warns above 1023 GiB (the limit for an operating system disk in Azure's "prepare a VHD" pages).
Findings check_size(std::uint64_t virtual_size);

/// `size` rounded up to a multiple of 1 MiB.
std::uint64_t round_up_to_mib(std::uint64_t size);

/// The footer of a fixed VHD of `virtual_size` bytes, as `qemu-img convert -O vpc -o subformat=fixed,force_size=on`
/// writes it: creator "qem2" and the largest geometry, so that every reader uses current_size as the size. `time` is in
/// seconds since 1970 and clamped to the range of the field; `uuid` is "8-4-4-4-12". Same arguments, same footer.
/// Throws Error{bug} when the size fails check_size or `uuid` is not a UUID.
VhdFooter make_fixed_footer(std::uint64_t virtual_size, std::int64_t time, const std::string& uuid);

/// Returns the footer as bytes, with a new checksum.
std::array<std::byte, footer_size> serialize(const VhdFooter& footer);

}  // namespace bake
