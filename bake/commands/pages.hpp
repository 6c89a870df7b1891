#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace bake::cli {

/// Throws Error{usage} when a page cannot be written to `file`: it is one of `inputs`, is no regular file, has no
/// parent directory, or is a file that bake did not write and `force` is not set. bake replaces its own pages. Does
/// nothing for "-".
void require_page(const std::filesystem::path& file, bool force, const std::vector<std::filesystem::path>& inputs);

/// Writes a page to `file` after require_page().
void write_page(const std::filesystem::path& file, std::string_view html);

}  // namespace bake::cli
