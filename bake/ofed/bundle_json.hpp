#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "bake/ofed/bundle.hpp"
#include "bake/ofed/trust.hpp"

namespace bake::ofed {

using Json = nlohmann::ordered_json;

/// bundle.json of the store: everything but `directory`.
Json to_json(const Bundle& bundle);
/// Throws Error{failed} when `text` is not what to_json() wrote; `file` stands in the message.
Bundle bundle_from_json(const std::string& text, const std::filesystem::path& file);

Json to_json(const Extras& extras);
Extras extras_from_json(const std::string& text, const std::filesystem::path& file);

/// For 'bake bundle verify --json': every index and package with its verdict.
Json to_json(const Report& report);
Json to_json(const Trust& trust);
Json to_json(const std::vector<Problem>& problems);

}  // namespace bake::ofed
