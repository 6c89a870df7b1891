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

namespace bake {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t chunk_size = std::size_t{1} << 20U;
constexpr std::size_t block_size = std::size_t{64} << 10U;  // the smallest run of zeros that becomes a hole
constexpr std::array<std::byte, block_size> zeros{};

bool is_zero(std::span<const std::byte> data) {
  return data.empty() || (data[0] == std::byte{0} && std::memcmp(data.data(), data.data() + 1, data.size() - 1) == 0);
}

/// Returns where data (`kind` SEEK_DATA) or a hole (SEEK_HOLE) begins at or after `offset`; the image's size when there
/// is none.
std::uint64_t seek(const OpenImage& image, std::uint64_t offset, int kind, const fs::path& name) {
  const auto found = ::lseek(image.fd.get(), static_cast<off_t>(offset), kind);
  if (found >= 0) return std::min(static_cast<std::uint64_t>(found), image.size);
  if (errno == ENXIO) return image.size;
  // A file system that does not report holes: everything is data.
  if (errno == EINVAL || errno == EOPNOTSUPP) return kind == SEEK_DATA ? offset : image.size;
  throw_errno("looking for holes in", name, errno);
}

/// Reads the image once from start to end: on_hole(length) for each hole, on_data(offset, bytes) for the data.
template <typename OnHole, typename OnData>
void walk(const OpenImage& image, const fs::path& name, OnHole on_hole, OnData on_data) {
  std::vector<std::byte> buffer(chunk_size);
  for (std::uint64_t offset = 0; offset < image.size;) {
    const auto data = seek(image, offset, SEEK_DATA, name);
    if (data > offset) on_hole(data - offset);
    const auto end = data < image.size ? seek(image, data, SEEK_HOLE, name) : data;
    for (offset = data; offset < end;) {
      const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), end - offset));
      if (read_at(image.fd, part, offset, name) != part.size())
        throw Error(ErrorKind::failed, fmt::format("reading '{}': it became shorter during the copy", name.string()));
      on_data(offset, std::span<const std::byte>(part));
      offset += part.size();
    }
  }
}

void hash_zeros(Hasher& hash, std::uint64_t length) {
  for (std::uint64_t part = 0; length > 0; length -= part) {
    throw_if_interrupted();
    part = std::min<std::uint64_t>(length, zeros.size());
    hash.update(std::span(zeros).first(part));
  }
}

void hash_image(const OpenImage& image, const fs::path& name, Hasher& hash) {
  walk(
      image, name, [&](std::uint64_t length) { hash_zeros(hash, length); },
      [&](std::uint64_t /*offset*/, std::span<const std::byte> data) { hash.update(data); });
}

void set_size(const FileDescriptor& out, std::uint64_t size, const fs::path& name) {
  if (::ftruncate(out.get(), static_cast<off_t>(size)) != 0) throw_errno("sizing", name, errno);
}

void copy_data(const SourceDisk& source, const OpenImage& in, const FileDescriptor& out, const fs::path& destination,
               Hasher* hash) {
  set_size(out, source.data_size, destination);
  walk(
      in, source.path,
      [&](std::uint64_t length) {
        if (hash != nullptr) hash_zeros(*hash, length);
      },
      [&](std::uint64_t offset, std::span<const std::byte> data) {
        if (hash != nullptr) hash->update(data);
        if (offset < source.data_size)
          write_sparse(out, data.first(std::min<std::uint64_t>(data.size(), source.data_size - offset)), offset,
                       destination);
      });
}

struct Stamp {
  off_t size;
  ino_t inode;
  timespec modified;
};

Stamp stamp_of(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) throw_errno("reading", path, errno);
  return {info.st_size, info.st_ino, info.st_mtim};
}

/// Throws when the file changed since `before`. A file that became shorter reads as a hole at its end.
void refuse_change(const fs::path& path, const Stamp& before) {
  const auto now = stamp_of(path);
  if (now.size != before.size || now.inode != before.inode || now.modified.tv_sec != before.modified.tv_sec ||
      now.modified.tv_nsec != before.modified.tv_nsec)
    throw Error(ErrorKind::failed, fmt::format("copying '{}': it changed during the copy", path.string()),
                "stop what writes to it, and try again");
}

void refuse_same_file(const fs::path& source, const fs::path& destination) {
  std::error_code not_there;
  if (fs::equivalent(source, destination, not_there))
    throw Error(ErrorKind::usage, fmt::format("copying '{}': the copy would overwrite it", source.string()));
}

void copy_open_image(const SourceDisk& source, const OpenImage& in, const fs::path& destination, Progress& progress,
                     Hasher* source_hash) {
  if (source.needs_conversion()) {
    progress.step(fmt::format("converting {} '{}' ({}) to raw with qemu-img", name_of(source.format),
                              source.path.string(), human_size(source.data_size)));
    convert_to_raw(source, destination);
    if (source_hash != nullptr) hash_image(in, source.path, *source_hash);
    return;
  }
  progress.step(fmt::format("copying '{}' ({})", source.path.string(), human_size(source.data_size)));
  const auto out = open_file(destination, O_WRONLY | O_CREAT | O_TRUNC);
  if (::ioctl(out.get(), FICLONE, in.fd.get()) != 0) {
    copy_data(source, in, out, destination, source_hash);
    return;
  }
  progress.detail("the file system shared the blocks (reflink)");
  set_size(out, source.data_size, destination);
  if (source_hash != nullptr) hash_image(in, source.path, *source_hash);
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

void copy_to_raw(const SourceDisk& source, const fs::path& destination, Progress& progress, Hasher* source_hash) {
  refuse_same_file(source.path, destination);
  const auto before = stamp_of(source.path);
  const auto in = open_image(source.path);
  if (in.size != source.file_size)
    throw Error(ErrorKind::failed, fmt::format("copying '{}': its size changed during the copy", source.path.string()));
  copy_open_image(source, in, destination, progress, source_hash);
  refuse_change(source.path, before);
}

std::uint64_t space_needed(const SourceDisk& source) {
  if (source.needs_conversion()) return data_bytes_in(source);
  struct stat info {};
  if (::stat(source.path.c_str(), &info) != 0) throw_errno("reading", source.path, errno);
  return std::min(static_cast<std::uint64_t>(info.st_blocks) * 512, source.data_size);
}

}  // namespace bake
