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

/// The text of `file`, which should be a `kind` ("recipe", "fleet"). A disk, anything else that is no text, or what is
/// larger than `max_bytes` is a problem at `where`, that says what it is and what to do with it. Throws Error{usage}
/// when `file` is not there.
std::optional<std::string> read_document(const std::filesystem::path& file, std::string_view kind, std::string where,
                                         std::vector<Problem>& problems);

}  // namespace bake::recipe
