#include "bake/bundle/digested_file.hpp"

#include <fcntl.h>
#include <utility>
#include <vector>

namespace bake::bundle {

DigestedFile::DigestedFile(std::filesystem::path file) : path_(std::move(file)), fd_(open_file(path_, O_RDONLY)) {}

std::size_t DigestedFile::read(std::span<std::byte> buffer) {
  const auto count = read_some(fd_, buffer, path_);
  hasher_.update(buffer.first(count));
  return count;
}

std::string DigestedFile::finish() {
  std::vector<std::byte> buffer(std::size_t{256} << 10U);
  while (read(buffer) != 0) {
  }
  return hasher_.hex();
}

}  // namespace bake::bundle
