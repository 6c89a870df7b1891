#pragma once

#include <filesystem>

#include "bake/bundle/built_modules.hpp"
#include "bake/job/environment.hpp"

namespace bake::job {

/// Writes the modules that DKMS compiled in `image` into the file `output`, for `bake modules add`. The store must have
/// the bundle of the image, because the digests of its packages name the sources. Reads the image through an overlay;
/// the caller has verified it. Throws Error{incompatible} when no module was compiled in the image, or the store lacks
/// its bundle; Error{usage} when `output` exists and `force` is not set. The `id` of the result is the sha256 of the
/// file.
bundle::BuiltModules export_modules(const std::filesystem::path& image, const std::filesystem::path& output, bool force,
                                    Environment& environment);

}  // namespace bake::job
