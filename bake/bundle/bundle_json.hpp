#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "bake/bundle/bundle.hpp"
#include "bake/bundle/trust.hpp"

namespace bake::bundle {

using Json = nlohmann::ordered_json;

/// Text of a file in the store. Bytes that are not UTF-8 (package metadata may have some) are replaced.
std::string dump(const Json& json);

/// bundle.json of the store: everything but `directory`.
Json to_json(const Bundle& bundle);
/// Returns the keys that say which release the bundle is: name, version, distro, arch, layout, rebuilt.
Json identity_json(const Bundle& bundle);
/// Reads the output of to_json(). Throws Error{failed} when `text` is damaged; `file` is for the message.
Bundle bundle_from_json(const std::string& text, const std::filesystem::path& file);

Json to_json(const Extras& extras);
Extras extras_from_json(const std::string& text, const std::filesystem::path& file);

/// For 'bake bundle verify --json': every index and package with its verdict.
Json to_json(const Report& report);
Json to_json(const Trust& trust);

}  // namespace bake::bundle
