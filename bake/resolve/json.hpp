#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "bake/resolve/resolve.hpp"

/// A resolution for programs: keys in a fixed order.
namespace bake::resolve {

/// Returns "install", "upgrade" or "remove".
std::string_view word(PackageChange::Action action);
/// Returns the verdict as plans show it: "built for this kernel", "weak-updates", …
std::string_view word(FitKind kind);

nlohmann::ordered_json to_json(const PackageChange& change);
nlohmann::ordered_json to_json(const KernelFit& fit);
nlohmann::ordered_json to_json(const BundleIdentity& bundle);

}  // namespace bake::resolve
