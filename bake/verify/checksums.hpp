#pragma once

#include <filesystem>
#include <string>

#include "bake/verify/check.hpp"

namespace bake::verify {

/// Returns the content of OUT.SHA256SUMS: one line for the image and one for each evidence file that exists, in the
/// format that sha256sum(1) writes and `sha256sum -c` reads in the directory of `image`.
std::string checksum_lines(const std::filesystem::path& image, const std::string& image_sha256);

/// Checks OUT.SHA256SUMS: it must list the image and each evidence file that exists, with their digests, and no file
/// that is missing. Skipped if it does not exist. Throws Error{failed} when a file cannot be read.
Check check_checksums(const std::filesystem::path& image, const std::string& image_sha256);

}  // namespace bake::verify
