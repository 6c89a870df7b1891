#pragma once

#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

namespace bake::testing {

/// One file of a cpio archive in "newc" form.
inline std::string cpio_file(const std::string& path, const std::string& content, unsigned mode = 0100644) {
  std::string entry =
      fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}", 1, mode, 0, 0,
                  1, 0, content.size(), 0, 0, 0, 0, path.size() + 1, 0);
  entry += path + '\0';
  entry.resize((entry.size() + 3) / 4 * 4, '\0');
  entry += content;
  entry.resize((entry.size() + 3) / 4 * 4, '\0');
  return entry;
}

/// An uncompressed cpio archive of files (path, content), padded as initramfs tools do.
inline std::string cpio(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string archive;
  for (const auto& [path, content] : files) archive += cpio_file(path, content);
  archive += cpio_file("TRAILER!!!", "");
  archive.resize((archive.size() + 511) / 512 * 512, '\0');
  return archive;
}

}  // namespace bake::testing
