#include "bake/disk/copy.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/text.hpp"
#include "bake/disk/qemu_img.hpp"
#include "bake/disk/walk.hpp"

namespace bake {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t block_size = std::size_t{64} << 10U;  // the smallest run of zeros that becomes a hole
constexpr std::array<std::byte, block_size> zeros{};

bool is_zero(std::span<const std::byte> data) {
  return data.empty() || (data[0] == std::byte{0} && std::memcmp(data.data(), data.data() + 1, data.size() - 1) == 0);
}

void set_size(const FileDescriptor& out, std::uint64_t size, const fs::path& name) {
  if (::ftruncate(out.get(), static_cast<off_t>(size)) != 0) throw_errno("sizing", name, errno);
}

/// Returns the bytes of an image that are not in holes, as far as the file system says.
std::uint64_t bytes_on_disk(const OpenImage& image) {
  struct stat info {};
  if (::fstat(image.fd.get(), &info) != 0) return image.size;
  return std::min(static_cast<std::uint64_t>(info.st_blocks) * 512, image.size);
}

void copy_data(const SourceDisk& source, const OpenImage& in, const FileDescriptor& out, const fs::path& destination,
               Progress& progress) {
  set_size(out, source.data_size, destination);
  const auto total = bytes_on_disk(in);
  std::uint64_t done = 0;
  walk(
      in, source.path, [](std::uint64_t /*length*/) {},
      [&](std::uint64_t offset, std::span<const std::byte> data) {
        if (offset < source.data_size)
          write_sparse(out, data.first(std::min<std::uint64_t>(data.size(), source.data_size - offset)), offset,
                       destination);
        done += data.size();
        progress.work(std::min(done, total), total, "bytes");
      });
}

/// Throws when the file changed since `before`. A file that became shorter reads as a hole at its end.
void refuse_change(const fs::path& path, const std::optional<FileIdentity>& before) {
  if (identity_of(path) != before)
    throw Error(ErrorKind::failed, fmt::format("copying '{}': it changed during the copy", path.string()),
                "stop what writes to it, and try again");
}

void refuse_same_file(const fs::path& source, const fs::path& destination) {
  std::error_code not_there;
  if (fs::equivalent(source, destination, not_there))
    throw Error(ErrorKind::usage, fmt::format("copying '{}': the copy would overwrite it", source.string()));
}

void copy_open_image(const SourceDisk& source, const OpenImage& in, const FileDescriptor& out, const fs::path& name,
                     Progress& progress) {
  if (source.needs_conversion()) {
    progress.step(fmt::format("converting {} '{}' ({}) to raw with qemu-img", name_of(source.format),
                              source.path.string(), human_size(source.data_size)));
    convert_to_raw(source, out);
    return;
  }
  progress.step(fmt::format("copying '{}' ({})", source.path.string(), human_size(source.data_size)));
  if (::ioctl(out.get(), FICLONE, in.fd.get()) != 0) {
    copy_data(source, in, out, name, progress);
    return;
  }
  progress.detail("the file system shared the blocks (reflink)");
  set_size(out, source.data_size, name);
}

}  // namespace

void write_sparse(const FileDescriptor& out, std::span<const std::byte> data, std::uint64_t offset,
                  const fs::path& name) {
  const auto block_at = [&](std::size_t at) { return data.subspan(at, std::min(block_size, data.size() - at)); };
  for (std::size_t at = 0; at < data.size();) {
    std::size_t end = at;
    while (end < data.size() && !is_zero(block_at(end))) end += block_at(end).size();
    write_at(out, data.subspan(at, end - at), offset + at, name);
    at = end < data.size() ? end + block_at(end).size() : end;
  }
}

void copy_to_raw(const SourceDisk& source, const fs::path& destination, Progress& progress) {
  refuse_same_file(source.path, destination);
  copy_to_raw(source, open_file(destination, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW), destination, progress);
}

void copy_to_raw(const SourceDisk& source, const FileDescriptor& out, const fs::path& name, Progress& progress) {
  const auto before = identity_of(source.path);
  const auto in = open_image(source.path);
  if (in.size != source.file_size)
    throw Error(ErrorKind::failed, fmt::format("copying '{}': its size changed during the copy", source.path.string()));
  copy_open_image(source, in, out, name, progress);
  refuse_change(source.path, before);
}

std::uint64_t space_needed(const SourceDisk& source) {
  if (source.needs_conversion()) return data_bytes_in(source);
  struct stat info {};
  if (::stat(source.path.c_str(), &info) != 0) throw_errno("reading", source.path, errno);
  return std::min(static_cast<std::uint64_t>(info.st_blocks) * 512, source.data_size);
}

}  // namespace bake
