#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "bake/disk/footer.hpp"

namespace bake {

/// The result of checking a file as a fixed VHD for Azure.
struct VhdReport {
  std::uint64_t file_size = 0;
  std::optional<VhdFooter> footer;  ///< the one at the end, or a dynamic disk's copy at the start
  Findings findings;
};

/// Checks the VHD container of `path` completely and returns every problem; a file that is not a VHD is one of them.
/// Throws only when the file cannot be read.
VhdReport examine_vhd(const std::filesystem::path& path);

}  // namespace bake
