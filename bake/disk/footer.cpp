#include "bake/disk/footer.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <iterator>
#include <string_view>

#include "bake/base/text.hpp"

namespace bake {
namespace {

constexpr std::string_view cookie = "conectix";
constexpr std::int64_t vhd_epoch = 946684800;  // 2000-01-01T00:00:00Z
constexpr std::uint64_t largest_vhd = 2040 * gibibyte;
constexpr std::uint64_t advised_os_disk = 1023 * gibibyte;
constexpr std::uint64_t sector = 512;
constexpr std::uint64_t largest_chs = std::uint64_t{65535} * 16 * 255 * sector;

// Where each field starts.
constexpr std::size_t features_at = 8;
constexpr std::size_t version_at = 12;
constexpr std::size_t data_offset_at = 16;
constexpr std::size_t timestamp_at = 24;
constexpr std::size_t creator_app_at = 28;
constexpr std::size_t creator_version_at = 32;
constexpr std::size_t creator_host_at = 36;
constexpr std::size_t original_size_at = 40;
constexpr std::size_t current_size_at = 48;
constexpr std::size_t cylinders_at = 56;
constexpr std::size_t heads_at = 58;
constexpr std::size_t sectors_at = 59;
constexpr std::size_t type_at = 60;
constexpr std::size_t checksum_at = 64;
constexpr std::size_t uuid_at = 68;
constexpr std::size_t saved_state_at = 84;

using Bytes = std::span<const std::byte, footer_size>;
using MutableBytes = std::span<std::byte, footer_size>;

template <typename Number>
Number get(Bytes bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) value = value << 8U | std::to_integer<std::uint64_t>(bytes[at + i]);
  return static_cast<Number>(value);
}

template <typename Number>
void put(MutableBytes bytes, std::size_t at, Number number) {
  std::uint64_t value = number;
  for (std::size_t i = sizeof(Number); i-- > 0; value >>= 8U) bytes[at + i] = static_cast<std::byte>(value & 0xffU);
}

std::string get_text(Bytes bytes, std::size_t at, std::size_t length) {
  return {reinterpret_cast<const char*>(bytes.data()) + at, length};
}

void put_text(MutableBytes bytes, std::size_t at, std::string_view text, std::size_t length) {
  std::memcpy(bytes.data() + at, text.data(), std::min(text.size(), length));
}

/// One's complement of the sum of all bytes but those of the checksum itself.
std::uint32_t checksum_of(Bytes bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (i < checksum_at || i >= checksum_at + 4) sum += std::to_integer<std::uint32_t>(bytes[i]);
  return ~sum;
}

std::string get_uuid(Bytes bytes) {
  std::string text;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    fmt::format_to(std::back_inserter(text), "{:02x}", std::to_integer<unsigned>(bytes[uuid_at + i]));
  }
  return text;
}

std::string hex_digits_of(const std::string& uuid) {
  std::string digits;
  for (const char c : uuid)
    if (c != '-') digits += c;
  return digits;
}

bool is_uuid(const std::string& text) {
  const auto digits = hex_digits_of(text);
  return text.size() == 36 && digits.size() == 32 &&
         digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

void put_uuid(MutableBytes bytes, const std::string& uuid) {
  if (!is_uuid(uuid)) throw Error(ErrorKind::bug, fmt::format("writing a VHD footer: '{}' is no uuid", uuid));
  const auto digits = hex_digits_of(uuid);
  for (std::size_t i = 0; i < 16; ++i)
    bytes[uuid_at + i] = static_cast<std::byte>(std::stoul(digits.substr(2 * i, 2), nullptr, 16));
}

/// True when qemu takes the geometry for the size: block/vpc.c, vpc_open() believes current_size only from some
/// creators or when the geometry is at its maximum. Azure's own exports ("wa") were not among them up to QEMU 9.1.
bool qemu_sizes_by_chs(const VhdFooter& footer) {
  using namespace std::string_view_literals;
  for (const auto creator : {"win "sv, "qem2"sv, "d2v "sv, "tap\0"sv, "CTXS"sv})
    if (footer.creator_app == creator) return false;
  return footer.chs_capacity() != largest_chs;
}

std::string type_problem(VhdType type) {
  switch (type) {
    case VhdType::fixed:
      return "";
    case VhdType::dynamic:
      return "dynamic, but Azure takes fixed disks only";
    case VhdType::differencing:
      return "differencing: the rest of the data is in another file";
  }
  return fmt::format("unknown type {}", static_cast<std::uint32_t>(type));
}

}  // namespace

std::int64_t VhdFooter::created() const { return vhd_epoch + timestamp; }

std::uint64_t VhdFooter::chs_capacity() const { return std::uint64_t{cylinders} * heads * sectors_per_track * sector; }

void Findings::append(Findings other) {
  std::move(other.errors.begin(), other.errors.end(), std::back_inserter(errors));
  std::move(other.warnings.begin(), other.warnings.end(), std::back_inserter(warnings));
}

std::optional<VhdFooter> parse_footer(std::span<const std::byte, footer_size> bytes) {
  if (get_text(bytes, 0, cookie.size()) != cookie) return std::nullopt;
  VhdFooter footer;
  footer.features = get<std::uint32_t>(bytes, features_at);
  footer.version = get<std::uint32_t>(bytes, version_at);
  footer.data_offset = get<std::uint64_t>(bytes, data_offset_at);
  footer.timestamp = get<std::uint32_t>(bytes, timestamp_at);
  footer.creator_app = get_text(bytes, creator_app_at, 4);
  footer.creator_version = get<std::uint32_t>(bytes, creator_version_at);
  footer.creator_host = get_text(bytes, creator_host_at, 4);
  footer.original_size = get<std::uint64_t>(bytes, original_size_at);
  footer.current_size = get<std::uint64_t>(bytes, current_size_at);
  footer.cylinders = get<std::uint16_t>(bytes, cylinders_at);
  footer.heads = get<std::uint8_t>(bytes, heads_at);
  footer.sectors_per_track = get<std::uint8_t>(bytes, sectors_at);
  footer.type = static_cast<VhdType>(get<std::uint32_t>(bytes, type_at));
  footer.checksum = get<std::uint32_t>(bytes, checksum_at);
  footer.computed_checksum = checksum_of(bytes);
  footer.uuid = get_uuid(bytes);
  footer.saved_state = get<std::uint8_t>(bytes, saved_state_at);
  return footer;
}

Findings check_footer(const VhdFooter& footer, std::uint64_t file_size) {
  Findings found;
  const auto data_size = file_size < footer_size ? 0 : file_size - footer_size;
  const auto error = [&](std::string where, std::string message, std::string hint = {}) {
    found.errors.push_back({std::move(where), std::move(message), std::move(hint)});
  };
  if (footer.checksum != footer.computed_checksum)
    error("checksum",
          fmt::format("{:#010x}, but the footer's bytes make {:#010x}", footer.checksum, footer.computed_checksum),
          "the footer was damaged or edited: fetch the file again");
  if (const auto problem = type_problem(footer.type); !problem.empty()) error("disk type", problem);
  if (footer.version >> 16U != 1)
    error("version", fmt::format("{:#010x}, but the format has version 1 only", footer.version));
  if (footer.type == VhdType::fixed && footer.current_size != data_size)
    error("current size", fmt::format("{} bytes, but the file holds {} bytes of data", footer.current_size, data_size),
          "the file was cut off or grown: fetch it again");
  if (footer.saved_state != 0)
    error("saved state", "the virtual machine was suspended, not shut down", "shut it down and export the disk again");
  if (footer.type == VhdType::fixed && qemu_sizes_by_chs(footer) && footer.chs_capacity() != footer.current_size)
    found.warnings.push_back(
        {"geometry",
         fmt::format("{}/{}/{} reaches {} bytes, current size says {}", footer.cylinders, footer.heads,
                     footer.sectors_per_track, footer.chs_capacity(), footer.current_size),
         "Azure and bake read current size; give qemu-img force_size_calc=current_size"});
  return found;
}

Findings check_size(std::uint64_t virtual_size) {
  Findings found;
  if (virtual_size == 0) found.errors.push_back({"virtual size", "0 bytes", ""});
  if (virtual_size % mebibyte != 0)
    found.errors.push_back({"virtual size",
                            fmt::format("{} bytes is not a multiple of 1 MiB, which Azure requires", virtual_size),
                            "pad it to a multiple of 1 MiB"});
  if (virtual_size > largest_vhd)
    found.errors.push_back(
        {"virtual size", fmt::format("{} bytes is more than the 2040 GiB that a VHD holds", virtual_size), ""});
  else if (virtual_size > advised_os_disk)
    found.warnings.push_back(
        {"virtual size",
         fmt::format("{} bytes is more than the 1023 GiB that Azure advises for an operating system disk",
                     virtual_size),
         ""});
  return found;
}

std::uint64_t round_up_to_mib(std::uint64_t size) { return (size + mebibyte - 1) / mebibyte * mebibyte; }

VhdFooter make_fixed_footer(std::uint64_t virtual_size, std::int64_t time, const std::string& uuid) {
  throw_if_any(ErrorKind::bug, "making a VHD footer", check_size(virtual_size).errors);
  VhdFooter footer;
  footer.timestamp = static_cast<std::uint32_t>(std::clamp<std::int64_t>(time - vhd_epoch, 0, UINT32_MAX));
  footer.creator_app = "qem2";
  footer.creator_version = 0x00050003;
  footer.creator_host = "Wi2k";
  footer.original_size = virtual_size;
  footer.current_size = virtual_size;
  footer.cylinders = 65535;
  footer.heads = 16;
  footer.sectors_per_track = 255;
  footer.uuid = to_lower(uuid);
  footer.checksum = checksum_of(serialize(footer));
  footer.computed_checksum = footer.checksum;
  return footer;
}

std::array<std::byte, footer_size> serialize(const VhdFooter& footer) {
  std::array<std::byte, footer_size> bytes{};
  put_text(bytes, 0, cookie, cookie.size());
  put(bytes, features_at, footer.features);
  put(bytes, version_at, footer.version);
  put(bytes, data_offset_at, footer.data_offset);
  put(bytes, timestamp_at, footer.timestamp);
  put_text(bytes, creator_app_at, footer.creator_app, 4);
  put(bytes, creator_version_at, footer.creator_version);
  put_text(bytes, creator_host_at, footer.creator_host, 4);
  put(bytes, original_size_at, footer.original_size);
  put(bytes, current_size_at, footer.current_size);
  put(bytes, cylinders_at, footer.cylinders);
  put(bytes, heads_at, footer.heads);
  put(bytes, sectors_at, footer.sectors_per_track);
  put(bytes, type_at, static_cast<std::uint32_t>(footer.type));
  put_uuid(bytes, footer.uuid);
  put(bytes, saved_state_at, footer.saved_state);
  put(bytes, checksum_at, checksum_of(bytes));
  return bytes;
}

}  // namespace bake
