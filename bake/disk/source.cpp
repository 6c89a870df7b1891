#include "bake/disk/source.hpp"

#include <array>
#include <fcntl.h>
#include <fmt/format.h>
#include <string>
#include <sys/stat.h>

#include "bake/base/file_kind.hpp"
#include "bake/base/text.hpp"
#include "bake/disk/partition.hpp"
#include "bake/disk/qemu_img.hpp"

namespace bake {
namespace fs = std::filesystem;
namespace {

using namespace std::string_view_literals;

constexpr std::size_t head_size = 4096;

/// The file's first bytes; bytes past its end read as zero.
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
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), kind_bytes}; }
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

struct ForeignDisk {
  std::string_view magic;
  std::string_view name;
};

constexpr std::array foreign_disks{
    ForeignDisk{"KDMV"sv, "a VMDK"},
    ForeignDisk{"# Disk DescriptorFile"sv, "a VMDK description"},
    ForeignDisk{"<<< "sv, "a VirtualBox disk"},
};

[[noreturn]] void refuse_other_kind(const fs::path& path, const std::string& reason, std::string hint = {}) {
  throw Error(ErrorKind::config, fmt::format("opening disk '{}': not a disk image{}", path.string(), reason),
              std::move(hint));
}

void refuse_differencing(const fs::path& path) {
  refuse(path, "a differencing VHD, which needs the data of a parent file",
         "merge it into its parent first (Hyper-V: Merge-VHD; Azure: export the managed disk, not a snapshot chain)");
}

/// A disk that is smaller than its own partition table is truncated, most often by an incomplete download.
void refuse_truncated(const SourceDisk& disk, const Head& head) {
  if (const auto end = partition_table_end(head.partition_head()); end > disk.data_size)
    refuse(disk.path,
           fmt::format("truncated: its partition table ends at byte {}, but it has {} bytes", end, disk.data_size),
           "fetch the file again and compare its checksum with that of the sender");
}

void refuse_bad_footer(const SourceDisk& disk) {
  const auto& errors = check_footer(*disk.footer, disk.file_size).errors;
  if (errors.empty()) return;
  std::string reasons;
  for (const auto& problem : errors)
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", problem.where, problem.message);
  refuse(disk.path, "its VHD footer is wrong: " + reasons,
         "fetch the file again; if you know that its data is complete, write a new footer",
         {{Remedy::Action::check_vhd, disk.path.string()}, {Remedy::Action::replace_footer, disk.path.string()}});
}

SourceDisk dynamic_disk(SourceDisk disk, const VhdFooter& at_start, const std::optional<VhdFooter>& at_end) {
  disk.format = DiskFormat::vhd_dynamic;
  disk.footer = at_start;
  disk.data_size = at_start.current_size;
  if (at_start.checksum != at_start.computed_checksum)
    refuse(disk.path, "a dynamic VHD whose footer has a wrong checksum", "fetch the file again",
           {{Remedy::Action::check_vhd, disk.path.string()}});
  // qemu-img would read zeros past the end of a truncated dynamic disk.
  if (!at_end) refuse(disk.path, "a dynamic VHD without a footer at its end: truncated", "fetch the file again");
  if (disk.data_size % 512 != 0) refuse(disk.path, "a dynamic VHD whose size is not a multiple of 512 bytes");
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

/// Header fields as in QEMU's docs/interop/qcow2.txt. Rejects everything that could make qemu-img open a second file,
/// before qemu-img opens the image.
SourceDisk qcow2(SourceDisk disk, const Head& head) {
  constexpr std::uint64_t external_data_file = 4;
  const auto version = head.big_endian(4, 4);
  if (version != 2 && version != 3) refuse(disk.path, fmt::format("a qcow2 of unknown version {}", version));
  const std::string hint =
      "if you trust its source, flatten it on the machine with those files: qemu-img convert -f qcow2 -O raw";
  if (head.big_endian(8, 8) != 0) refuse(disk.path, "a qcow2 with a backing file, which could name any file", hint);
  if (version == 3 && (head.big_endian(72, 8) & external_data_file) != 0)
    refuse(disk.path, "a qcow2 with an external data file, which could name any file", hint);
  if (head.big_endian(32, 4) != 0) refuse(disk.path, "an encrypted qcow2", "decrypt it with qemu-img convert first");
  disk.format = DiskFormat::qcow2;
  disk.data_size = head.big_endian(24, 8);
  return disk;
}

SourceDisk raw(SourceDisk disk, const Head& head) {
  for (const auto& format : foreign_disks)
    if (head.has(format.magic))
      refuse_other_kind(disk.path, fmt::format(" but {}", format.name), "convert it first: qemu-img convert -O raw");
  const auto kind = kind_of_bytes(head.text());
  if (is_compressed(head.text())) refuse_other_kind(disk.path, " but " + kind, "unpack it first");
  const bool file_system = head.has("XFSB"sv) || head.has("\x53\xef"sv, 1024 + 56);  // xfs; ext2, ext3, ext4
  if (!has_boot_signature(head.partition_head()) && !file_system)
    refuse_other_kind(disk.path,
                      kind.empty() ? ": no VHD footer, partition table or file system in it" : " but " + kind);
  disk.data_size = disk.file_size;
  refuse_truncated(disk, head);
  // A disk consists of whole sectors; a VHD that lost or gained bytes at its end has its footer at an unexpected place.
  if (disk.file_size % footer_size != 0)
    refuse(disk.path, "its size is not a multiple of 512 bytes: it is truncated or has extra bytes",
           "fetch or export it again; if it is a complete raw disk, run truncate -s %512 on it");
  return disk;
}

/// A multiple of 1 MiB plus 512 bytes: a fixed VHD whose footer has no cookie any more.
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
  // Rejects pipes, which block, and devices: only regular files have the size and the holes that bake reads.
  OpenImage image{open_file(path, O_RDONLY | O_NONBLOCK), 0};
  struct stat info {};
  if (::fstat(image.fd.get(), &info) != 0) throw_errno("opening disk", path, errno);
  if (!S_ISREG(info.st_mode))
    throw Error(ErrorKind::usage,
                fmt::format("opening disk '{}': {}", path.string(),
                            S_ISDIR(info.st_mode) ? "it is a directory, not a disk" : "not a regular file"));
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
      hint = "pad it to a multiple of 1 MiB";
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
