#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "bake/disk/footer.hpp"

namespace bake {

/// What there is to say about a file as a fixed VHD for Azure.
struct VhdReport {
  std::uint64_t file_size = 0;
  std::optional<VhdFooter> footer;  ///< the one at the end, or a dynamic disk's copy at the start
  Findings findings;
};

/// Checks everything about the VHD container of `path` and finds every problem; a file that is no VHD is one of them.
/// Throws only when the file cannot be read.
VhdReport examine_vhd(const std::filesystem::path& path);

}  // namespace bake
