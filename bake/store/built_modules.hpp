#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/bundle/built_modules.hpp"
#include "bake/store/store.hpp"

namespace bake::store {

// Built modules in a store: <dir>/modules/<sha256 of the file>/{modules.json,payload.iso}.

/// Verifies a file of `bake modules export` and adds it to the store. `pin` is the sha256 that the file must have;
/// nothing else vouches for it. Throws Error{untrusted}, with the store unchanged, without a pin, when the file has
/// another digest, and when an entry is missing, added or not what the description says; {usage} when there is no such
/// file.
bundle::BuiltModules add_modules(const Store& store, const std::filesystem::path& file, const std::string& pin,
                                 Progress& progress);

/// Returns all built modules of the store, by name.
std::vector<bundle::BuiltModules> all_modules(const Store& store);

/// Removes the built modules whose id begins with `id` (4 digits or more), and returns their name. Throws Error{usage}
/// when not exactly one matches.
std::string remove_modules(const Store& store, const std::string& id);

}  // namespace bake::store
