#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/apply/verify.hpp"
#include "bake/job/driver.hpp"
#include "bake/plan/plan.hpp"

namespace bake::job {

/// Writes what lies beside a finished image: OUT.sbom.spdx.json, OUT.provenance.json, with `private_pem` also
/// OUT.provenance.dsse.json, and last OUT.manifest.json, which is `manifest`. Each appears whole; a signature of an
/// earlier image under the same name goes.
void write_evidence(const std::filesystem::path& output, const nlohmann::ordered_json& manifest, const plan::Plan& plan,
                    const Driver& driver, const std::string& private_pem);

/// Holds SBOM and provenance beside `image`, where they are there, to its digest and to each other. With `public_pem`
/// there must be a provenance that its holder signed.
std::vector<apply::Check> check_evidence(const std::filesystem::path& image, const std::string& image_sha256,
                                         const std::string& public_pem);

}  // namespace bake::job
