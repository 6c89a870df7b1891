#pragma once

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <span>
#include <unistd.h>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/disk/source.hpp"

namespace bake {

/// Returns where data (`kind` SEEK_DATA) or a hole (SEEK_HOLE) begins at or after `offset`; the image's size when there
/// is none.
inline std::uint64_t seek(const OpenImage& image, std::uint64_t offset, int kind, const std::filesystem::path& name) {
  const auto found = ::lseek(image.fd.get(), static_cast<off_t>(offset), kind);
  if (found >= 0) return std::min(static_cast<std::uint64_t>(found), image.size);
  if (errno == ENXIO) return image.size;
  // A file system that does not report holes: everything is data.
  if (errno == EINVAL || errno == EOPNOTSUPP) return kind == SEEK_DATA ? offset : image.size;
  throw_errno("looking for holes in", name, errno);
}

/// Reads the image once from start to end: on_hole(length) for each hole, on_data(offset, bytes) for the data.
template <typename OnHole, typename OnData>
void walk(const OpenImage& image, const std::filesystem::path& name, OnHole on_hole, OnData on_data) {
  constexpr std::size_t chunk_size = std::size_t{1} << 20U;
  std::vector<std::byte> buffer(chunk_size);
  for (std::uint64_t offset = 0; offset < image.size;) {
    const auto data = seek(image, offset, SEEK_DATA, name);
    if (data > offset) on_hole(data - offset);
    const auto end = data < image.size ? seek(image, data, SEEK_HOLE, name) : data;
    for (offset = data; offset < end;) {
      const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), end - offset));
      if (read_at(image.fd, part, offset, name) != part.size())
        throw Error(ErrorKind::failed, fmt::format("reading '{}': it became shorter", name.string()));
      on_data(offset, std::span<const std::byte>(part));
      offset += part.size();
    }
  }
}

}  // namespace bake
