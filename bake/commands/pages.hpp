#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace bake::cli {

/// Throws Error{usage} when a page cannot be written to `file`: it is one of `inputs` or is not a regular file, its
/// directory is missing, or bake did not write it and `force` is not set. bake replaces its own pages. Does nothing for
/// "-".
void require_page(const std::filesystem::path& file, bool force, const std::vector<std::filesystem::path>& inputs);

/// Writes a page to `file` after require_page().
void write_page(const std::filesystem::path& file, std::string_view html);

}  // namespace bake::cli
