#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"

namespace bake::bundle {

/// A file's raw bytes, digested as they pass.
class DigestedFile {
 public:
  /// Throws what opening the file throws.
  explicit DigestedFile(std::filesystem::path file);

  /// Fills the buffer with the next bytes and returns their number; 0 at the end.
  std::size_t read(std::span<std::byte> buffer);
  /// Returns the SHA-256 of the whole file, with the bytes that were not read yet.
  std::string finish();

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  Hasher hasher_;
};

}  // namespace bake::bundle
