#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/plan/plan.hpp"
#include "bake/resolve/select_driver.hpp"
#include "bake/verify/guest.hpp"

namespace bake::evidence {

/// Writes the sidecar files of a finished image: OUT.sbom.spdx.json, OUT.provenance.json, with `private_pem` also
/// OUT.provenance.dsse.json, and last OUT.manifest.json, which is `manifest`. Each file is written atomically. Without
/// `private_pem`, removes the signature of an earlier image of the same name.
void write_evidence(const std::filesystem::path& output, const nlohmann::ordered_json& manifest, const plan::Plan& plan,
                    const resolve::SelectedDriver& driver, const std::string& private_pem);

}  // namespace bake::evidence
