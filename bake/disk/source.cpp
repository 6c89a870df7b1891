#include "bake/disk/source.hpp"

#include <array>
#include <fcntl.h>
#include <fmt/format.h>
#include <string>
#include <sys/stat.h>

#include "bake/base/text.hpp"
#include "bake/disk/partition.hpp"
#include "bake/disk/qemu_img.hpp"

namespace bake {
namespace fs = std::filesystem;
namespace {

using namespace std::string_view_literals;

constexpr std::size_t head_size = 4096;

/// The file's first bytes; what is beyond its end reads as zero.
class Head {
 public:
  Head(const OpenImage& image, const fs::path& path) { read_at(image.fd, bytes_, 0, path); }

  [[nodiscard]] bool has(std::string_view magic, std::size_t at = 0) const {
    return std::string_view(reinterpret_cast<const char*>(bytes_.data()) + at, magic.size()) == magic;
  }
  [[nodiscard]] std::uint64_t big_endian(std::size_t at, std::size_t length) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < length; ++i) value = value << 8U | std::to_integer<std::uint64_t>(bytes_.at(at + i));
    return value;
  }
  [[nodiscard]] auto footer_copy() const { return std::span(bytes_).first<footer_size>(); }
  [[nodiscard]] auto partition_head() const { return std::span(bytes_).first<partition_head_size>(); }

 private:
  std::array<std::byte, head_size> bytes_{};
};

[[noreturn]] void refuse(const fs::path& path, std::string_view reason, std::string hint = {},
                         std::vector<Remedy> remedies = {}) {
  throw Error(ErrorKind::failed, fmt::format("opening disk '{}': {}", path.string(), reason), std::move(hint),
              std::move(remedies));
}

struct ForeignFormat {
  std::string_view magic;
  std::string_view name;
  std::string_view remedy;
};

constexpr auto unpack_first = "unpack it first"sv;
constexpr auto convert_first = "convert it first: qemu-img convert -O raw"sv;
constexpr std::array foreign_formats{
    ForeignFormat{"\x1f\x8b"sv, "a gzip file", unpack_first},
    ForeignFormat{"\xfd\x37zXZ\0"sv, "an xz file", unpack_first},
    ForeignFormat{"\x28\xb5\x2f\xfd"sv, "a zstd file", unpack_first},
    ForeignFormat{"BZh"sv, "a bzip2 file", unpack_first},
    ForeignFormat{"PK\x03\x04"sv, "a zip file", unpack_first},
    ForeignFormat{"KDMV"sv, "a VMDK", convert_first},
    ForeignFormat{"# Disk DescriptorFile"sv, "a VMDK description", convert_first},
    ForeignFormat{"<<< "sv, "a VirtualBox disk", convert_first},
};

void refuse_differencing(const fs::path& path) {
  refuse(path, "a differencing VHD, which takes the rest of its data from a parent file",
         "merge it into its parent first (Hyper-V: Merge-VHD; Azure: export the managed disk, not a snapshot chain)");
}

/// A disk that is smaller than its own partition table says was cut off, most often by a broken download.
void refuse_truncated(const SourceDisk& disk, const Head& head) {
  if (const auto end = partition_table_end(head.partition_head()); end > disk.data_size)
    refuse(disk.path,
           fmt::format("cut off: its partition table reaches {} bytes, but it holds {}", end, disk.data_size),
           "fetch the file again and compare its checksum with the sender's");
}

void refuse_bad_footer(const SourceDisk& disk) {
  const auto& errors = check_footer(*disk.footer, disk.file_size).errors;
  if (errors.empty()) return;
  std::string reasons;
  for (const auto& problem : errors)
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", problem.where, problem.message);
  refuse(disk.path, "its VHD footer is wrong: " + reasons,
         "fetch the file again; if its data is known to be good, write a new footer",
         {{Remedy::Action::check_vhd, disk.path.string()}, {Remedy::Action::replace_footer, disk.path.string()}});
}

SourceDisk dynamic_disk(SourceDisk disk, const VhdFooter& at_start, const std::optional<VhdFooter>& at_end) {
  disk.format = DiskFormat::vhd_dynamic;
  disk.footer = at_start;
  disk.data_size = at_start.current_size;
  if (at_start.checksum != at_start.computed_checksum)
    refuse(disk.path, "a dynamic VHD whose footer has a wrong checksum", "fetch the file again",
           {{Remedy::Action::check_vhd, disk.path.string()}});
  // qemu-img would read zeros past the end of a dynamic disk that was cut off.
  if (!at_end) refuse(disk.path, "a dynamic VHD without a footer at its end: cut off", "fetch the file again");
  if (disk.data_size % 512 != 0) refuse(disk.path, "a dynamic VHD whose size is not in whole sectors");
  return disk;
}

SourceDisk vhd(SourceDisk disk, const Head& head, const std::optional<VhdFooter>& at_start,
               const std::optional<VhdFooter>& at_end) {
  if (at_end && (at_end->type == VhdType::fixed || !at_start)) {
    disk.format = DiskFormat::vhd_fixed;
    disk.footer = at_end;
    disk.data_size = disk.file_size - footer_size;
    if (at_end->type == VhdType::differencing) refuse_differencing(disk.path);
    refuse_bad_footer(disk);
    refuse_truncated(disk, head);
    return disk;
  }
  if (at_start->type == VhdType::differencing) refuse_differencing(disk.path);
  if (at_start->type == VhdType::dynamic) return dynamic_disk(std::move(disk), *at_start, at_end);
  refuse(disk.path, fmt::format("a VHD of unknown type {}", static_cast<std::uint32_t>(at_start->type)));
}

/// Header fields as in QEMU's docs/interop/qcow2.txt. All that could make qemu-img open a second file is refused here,
/// before qemu-img sees the image.
SourceDisk qcow2(SourceDisk disk, const Head& head) {
  constexpr std::uint64_t external_data_file = 4;
  const auto version = head.big_endian(4, 4);
  if (version != 2 && version != 3) refuse(disk.path, fmt::format("a qcow2 of unknown version {}", version));
  const std::string hint =
      "if you trust where it comes from, flatten it where those files are: qemu-img convert -f qcow2 -O raw";
  if (head.big_endian(8, 8) != 0) refuse(disk.path, "a qcow2 with a backing file, which could name any file", hint);
  if (version == 3 && (head.big_endian(72, 8) & external_data_file) != 0)
    refuse(disk.path, "a qcow2 with an external data file, which could name any file", hint);
  if (head.big_endian(32, 4) != 0) refuse(disk.path, "an encrypted qcow2", "decrypt it with qemu-img convert first");
  disk.format = DiskFormat::qcow2;
  disk.data_size = head.big_endian(24, 8);
  return disk;
}

SourceDisk raw(SourceDisk disk, const Head& head) {
  for (const auto& format : foreign_formats)
    if (head.has(format.magic))
      refuse(disk.path, fmt::format("not a disk image but {}", format.name), std::string(format.remedy));
  const bool file_system = head.has("XFSB"sv) || head.has("\x53\xef"sv, 1024 + 56);  // xfs; ext2, ext3, ext4
  if (!has_boot_signature(head.partition_head()) && !file_system)
    refuse(disk.path, "not a disk image: no VHD footer, partition table or file system in it");
  disk.data_size = disk.file_size;
  refuse_truncated(disk, head);
  // Sectors are what a disk is made of; a VHD that lost or gained bytes at its end has its footer where nobody looks.
  if (disk.file_size % footer_size != 0)
    refuse(disk.path, "its size is no whole number of 512-byte sectors: it was cut off or added to",
           "fetch it, or export it, again; a raw disk that is known to be whole: truncate -s %512");
  return disk;
}

/// Whole MiB and 512 bytes more: a fixed VHD whose footer lost even its cookie.
bool looks_like_lost_footer(const SourceDisk& disk) {
  return disk.format == DiskFormat::raw && disk.file_size % mebibyte == footer_size;
}

}  // namespace

std::string_view name_of(DiskFormat format) {
  switch (format) {
    case DiskFormat::raw:
      return "raw";
    case DiskFormat::vhd_fixed:
      return "fixed VHD";
    case DiskFormat::vhd_dynamic:
      return "dynamic VHD";
    case DiskFormat::vhdx:
      return "VHDX";
    case DiskFormat::qcow2:
      return "qcow2";
  }
  return "unknown";
}

OpenImage open_image(const fs::path& path) {
  // Not to hang on a pipe, and not to touch a device: only regular files have the size and the holes bake reads.
  OpenImage image{open_file(path, O_RDONLY | O_NONBLOCK), 0};
  struct stat info {};
  if (::fstat(image.fd.get(), &info) != 0) throw_errno("opening disk", path, errno);
  if (!S_ISREG(info.st_mode))
    throw Error(ErrorKind::usage, fmt::format("opening disk '{}': not a regular file", path.string()));
  image.size = static_cast<std::uint64_t>(info.st_size);
  return image;
}

std::optional<VhdFooter> footer_at_end(const FileDescriptor& fd, std::uint64_t file_size, const fs::path& path) {
  if (file_size < footer_size) return std::nullopt;
  std::array<std::byte, footer_size> bytes{};
  read_at(fd, bytes, file_size - footer_size, path);
  return parse_footer(bytes);
}

SourceDisk probe_source(const fs::path& path) {
  const auto image = open_image(path);
  const Head head(image, path);
  SourceDisk disk;
  disk.path = path;
  disk.file_size = image.size;
  const auto at_start = parse_footer(head.footer_copy());
  const auto at_end = footer_at_end(image.fd, image.size, path);
  if (at_start || at_end) return vhd(std::move(disk), head, at_start, at_end);
  if (head.has("QFI\xfb"sv)) return qcow2(std::move(disk), head);
  if (!head.has("vhdxfile"sv)) return raw(std::move(disk), head);
  disk.format = DiskFormat::vhdx;
  disk.data_size = vhdx_size(path);
  return disk;
}

SourceDisk open_source(const fs::path& path) {
  auto disk = probe_source(path);
  for (const auto& problem : check_size(disk.data_size).errors) {
    std::string hint;
    std::vector<Remedy> remedies;
    if (looks_like_lost_footer(disk)) {
      hint = "if it was a VHD whose last 512 bytes are damaged, write a new footer";
      remedies = {{Remedy::Action::replace_footer, path.string()}};
    } else if (disk.data_size % mebibyte != 0) {
      hint = "pad it to a whole MiB";
      remedies = {{Remedy::Action::wrap_vhd, path.string()}};
    }
    refuse(path, fmt::format("{}: {}", problem.where, problem.message), hint, remedies);
  }
  return disk;
}

SourceDisk source_without_footer(const fs::path& path) {
  const auto image = open_image(path);
  SourceDisk disk;
  disk.path = path;
  disk.file_size = image.size;
  disk.footer = footer_at_end(image.fd, image.size, path);
  if (!disk.footer && !looks_like_lost_footer(disk))
    throw Error(ErrorKind::usage, fmt::format("dropping the footer of '{}': it has none", path.string()),
                "leave out --drop-footer");
  disk.format = DiskFormat::vhd_fixed;
  disk.data_size = image.size - footer_size;
  refuse_truncated(disk, Head(image, path));
  return disk;
}

}  // namespace bake
