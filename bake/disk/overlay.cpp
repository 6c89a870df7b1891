#include "bake/disk/overlay.hpp"

#include <fmt/format.h>

#include "bake/disk/copy.hpp"
#include "bake/disk/output.hpp"
#include "bake/disk/qemu_img.hpp"

namespace bake {

ScratchDisk make_scratch_disk(const SourceDisk& source, const std::filesystem::path& directory, Progress& progress) {
  if (source.needs_conversion()) {
    require_free_space(directory, space_needed(source), fmt::format("a raw copy of '{}'", source.path.string()));
    ScratchDisk copy{directory / "disk.raw", "raw"};
    copy_to_raw(source, copy.path, progress);
    return copy;
  }
  ScratchDisk overlay{directory / "overlay.qcow2", "qcow2"};
  create_overlay(source, overlay.path);
  return overlay;
}

}  // namespace bake
