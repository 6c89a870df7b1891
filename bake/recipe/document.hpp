#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"

namespace bake::recipe {

inline constexpr std::string_view recipe_schema = "bake/v1";
inline constexpr std::string_view fleet_schema = "bake/fleet/v1";

/// Returns the text of `file`, which should be a `kind` ("recipe", "fleet"). A disk, another file that is not text, and
/// a file larger than `max_bytes` are problems at `where`, which name the content and the next step. Throws
/// Error{usage} when `file` does not exist.
std::optional<std::string> read_document(const std::filesystem::path& file, std::string_view kind, std::string where,
                                         std::vector<Problem>& problems);

}  // namespace bake::recipe
