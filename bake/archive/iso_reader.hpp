#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "bake/archive/iso_writer.hpp"

namespace bake::archive {

/// The files and links of an image; directories are only parts of their paths.
struct IsoTree {
  std::map<std::string, Extent> files;
  std::map<std::string, std::string> links;  ///< path → target
};

/// Reads the directories of an image that IsoWriter wrote: the names that a guest sees when it mounts the image.
/// Accepts nothing that IsoWriter does not write, so that no other reader finds other files in the image: no second
/// volume descriptor, no boot record, no unknown Rock Ridge entry. Throws Error{untrusted}, which names the image.
/// (libarchive cannot be used: the directories are behind the data, and its reader does not go back.)
IsoTree read_iso_tree(const std::filesystem::path& image);

}  // namespace bake::archive
