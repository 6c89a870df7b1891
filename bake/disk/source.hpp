#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "bake/base/file.hpp"
#include "bake/disk/footer.hpp"

namespace bake {

enum class DiskFormat { raw, vhd_fixed, vhd_dynamic, vhdx, qcow2 };

/// The format for people: "raw", "fixed VHD", "dynamic VHD", "VHDX", "qcow2".
std::string_view name_of(DiskFormat format);

/// A disk image that bake may read. bake detects the format from the content, never from the name.
struct SourceDisk {
  std::filesystem::path path;
  DiskFormat format = DiskFormat::raw;
  std::uint64_t file_size = 0;
  std::uint64_t data_size = 0;      ///< the virtual size in bytes
  std::optional<VhdFooter> footer;  ///< of a VHD

  /// True when qemu-img must convert it to raw data first; otherwise the data is the file's first data_size bytes.
  [[nodiscard]] bool needs_conversion() const { return format != DiskFormat::raw && format != DiskFormat::vhd_fixed; }
};

/// Detects the format of the disk image `path` and the size of its disk. Throws Error{usage} when `path` is not a file,
/// Error{config} when it is not a disk image, and Error{failed} when it is damaged or truncated, or needs the data of
/// other files (differencing VHD, qcow2 with a backing or data file: such an image could name any file of this
/// machine).
SourceDisk probe_source(const std::filesystem::path& path);

/// probe_source for a base image: also throws Error{failed} when Azure does not accept the virtual size.
SourceDisk open_source(const std::filesystem::path& path);

/// The fixed VHD `path` without its last 512 bytes, although the footer there is damaged: for `bake vhd wrap
/// --drop-footer`. Throws Error{usage} when neither a cookie nor the file's size shows that there was a footer.
SourceDisk source_without_footer(const std::filesystem::path& path);

/// Returns the footer at the end of the file, or nothing.
std::optional<VhdFooter> footer_at_end(const FileDescriptor& fd, std::uint64_t file_size,
                                       const std::filesystem::path& path);

/// A regular file opened for reading, and its size in bytes. Throws Error{usage} when it is not a regular file.
struct OpenImage {
  FileDescriptor fd;
  std::uint64_t size = 0;
};
OpenImage open_image(const std::filesystem::path& path);

}  // namespace bake
