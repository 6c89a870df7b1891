#pragma once

#include <filesystem>
#include <string>

#include "bake/base/progress.hpp"
#include "bake/disk/source.hpp"

namespace bake {

/// A file that represents a disk and takes all writes, so that the disk itself is only read.
struct ScratchDisk {
  std::filesystem::path path;
  std::string format;  ///< as qemu names it: "qcow2", or "raw" for a converted copy
};

/// Makes a scratch disk for `source` in `directory`: a qcow2 overlay over exactly the data region (never over a VHD's
/// footer) without copying. Formats that need conversion are converted, if there is enough space. Throws like
/// copy_to_raw.
ScratchDisk make_scratch_disk(const SourceDisk& source, const std::filesystem::path& directory, Progress& progress);

}  // namespace bake
