#pragma once

#include <filesystem>

#include "bake/report/image_page.hpp"

namespace bake::report {

/// Returns the image of which `file` is the manifest ("out.vhd" for "out.vhd.manifest.json"), or `file` itself.
std::filesystem::path image_of(const std::filesystem::path& file);

/// Reads the files next to `image` for a report. The image itself is not read, except for its footer; it may be
/// missing. Throws Error{usage} when there is no manifest, and Error{config} when it is not one.
ImageReport read_image(const std::filesystem::path& image);

}  // namespace bake::report
