#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "bake/job/environment.hpp"
#include "bake/plan/expectations.hpp"
#include "bake/verify/check.hpp"

namespace bake::job {

// The checks of a finished image that `bake verify` and `bake resign` share.

/// Checks the container: a fixed VHD as Azure wants it.
verify::Check check_container(const std::filesystem::path& image);

/// Makes every check of the guest. `privileges` are those before any program of the guest ran.
std::vector<verify::Check> check_guest(Session& session, const guest::Facts& facts, const plan::Expectations& expected,
                                       const plan::Privileges& privileges);

/// Compares the manifest next to the image with the one in it.
verify::Check compare_manifests(const nlohmann::json& outside, const nlohmann::json& inside);

}  // namespace bake::job
