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

/// A disk image that bake may read. Found by its content, never by its name.
struct SourceDisk {
  std::filesystem::path path;
  DiskFormat format = DiskFormat::raw;
  std::uint64_t file_size = 0;
  std::uint64_t data_size = 0;      ///< the virtual size in bytes
  std::optional<VhdFooter> footer;  ///< of a VHD

  /// Whether qemu-img has to turn it into raw data first; otherwise the data is the file's first data_size bytes.
  [[nodiscard]] bool needs_conversion() const { return format != DiskFormat::raw && format != DiskFormat::vhd_fixed; }
};

/// Says what kind of disk image `path` is and how large its disk is. Throws Error{usage} when it is no file and
/// Error{failed} when it is no disk image, is damaged or cut off, or takes its data from other files (differencing VHD,
/// qcow2 with a backing or data file: such an image could name any file of this machine).
SourceDisk probe_source(const std::filesystem::path& path);

/// probe_source for a base image: also throws Error{failed} when the virtual size is not one that Azure takes.
SourceDisk open_source(const std::filesystem::path& path);

/// The fixed VHD `path` without its last 512 bytes, although the footer there is damaged: for `bake vhd wrap
/// --drop-footer`. Throws Error{usage} when neither a cookie nor the file's size says that a footer was there.
SourceDisk source_without_footer(const std::filesystem::path& path);

/// The footer that ends the file, if one is there.
std::optional<VhdFooter> footer_at_end(const FileDescriptor& fd, std::uint64_t file_size,
                                       const std::filesystem::path& path);

/// A regular file opened for reading, and its size in bytes. Throws Error{usage} when it is none.
struct OpenImage {
  FileDescriptor fd;
  std::uint64_t size = 0;
};
OpenImage open_image(const std::filesystem::path& path);

}  // namespace bake
