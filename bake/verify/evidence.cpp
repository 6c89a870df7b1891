#include "bake/verify/evidence.hpp"

#include <fmt/format.h>
#include <optional>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/json.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/signature/dsse.hpp"
#include "bake/verify/checksums.hpp"

namespace bake::verify {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::optional<std::string> read_sidecar(const fs::path& image, Sidecar kind) {
  const auto file = sidecar_of(image, kind);
  return fs::exists(file) ? std::optional(read_text(file, max_document)) : std::nullopt;
}

Check check_signature(const fs::path& image, const std::optional<std::string>& provenance,
                      const std::optional<std::string>& signature, const std::string& public_pem) {
  const auto name = sidecar_of(image, Sidecar::signature).filename().string();
  if (!signature) return {"signature", public_pem.empty() ? Status::skipped : Status::failed, "there is no " + name};
  try {
    const auto envelope = signature::read_envelope(*signature, name);
    if (envelope.payload_type != statement_type || (provenance && envelope.payload != *provenance))
      return {"signature", false, "it was made for another document than the provenance"};
    if (public_pem.empty())
      return skipped("signature", "no key was given to verify it; it was made for " +
                                      std::string(provenance ? "this provenance" : "a provenance that is not there"));
    signature::require_signed(envelope, public_pem, name);
    return {"signature", true, "the given key signed the provenance"};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::untrusted) throw;
    return {"signature", false, error.message()};
  }
}

}  // namespace

Check check_signature(const fs::path& image, const std::string& public_pem) {
  return check_signature(image, read_sidecar(image, Sidecar::provenance), read_sidecar(image, Sidecar::signature),
                         public_pem);
}

Json checksum(const std::string& sha256) {
  return Json::array({Json{{"algorithm", "SHA256"}, {"checksumValue", sha256}}});
}

nlohmann::json read_manifest(const std::string& text, const std::string& name) {
  auto manifest = parse_untrusted_json(text);
  if (manifest.is_discarded() || !manifest.is_object() || manifest.value("schema", "") != manifest_schema)
    throw Error(ErrorKind::config, fmt::format("reading manifest '{}': not a {} document", name, manifest_schema),
                "the manifest of an image is the file next to it: OUT.manifest.json");
  return manifest;
}

std::string resigned_summary(const nlohmann::json& manifest) try {
  if (!manifest.contains("resigned")) return {};
  const auto& resigned = manifest.at("resigned");
  std::vector<std::string> parts;
  for (const auto* what : {"packages", "files"}) {
    std::vector<std::string> counts;
    const auto& changes = resigned.at("changes").at(what);
    for (const auto* how : {"added", "removed", "changed"})
      if (changes.contains(how))
        if (const auto count = changes.at(how).at("count").get<std::uint64_t>(); count != 0)
          counts.push_back(fmt::format("{} {}", count, how));
    if (!counts.empty()) parts.push_back(fmt::format("{} {}", what, join(counts, ", ")));
  }
  return fmt::format("at {}: {}", printable(resigned.at("time").get<std::string>()),
                     parts.empty() ? "no listed package or file differs" : join(parts, "; "));
} catch (const nlohmann::json::exception& error) {
  throw Error(ErrorKind::config, std::string("reading `resigned` in a manifest: ") + error.what(),
              "another version of bake wrote the manifest");
}

std::string sbom_problem(const std::string& text, const std::string& image_sha256) try {
  const auto json = parse_untrusted_json<Json>(text);
  if (json.at("spdxVersion") != spdx_version) return "not an SPDX 2.3 document";
  for (const auto& package : json.at("packages"))
    if (package.at("SPDXID") == spdx_image_id)
      return package.at("checksums") == checksum(image_sha256) ? "" : "it describes another image";
  return "it describes no image";
} catch (const nlohmann::json::exception&) {
  return "not an SPDX 2.3 document";
}

std::string cyclonedx_problem(const std::string& text, const std::string& image_sha256) try {
  const auto json = parse_untrusted_json<Json>(text);
  if (json.at("bomFormat") != "CycloneDX" || json.at("specVersion") != cyclonedx_version)
    return "not a CycloneDX 1.5 document";
  const auto& hashes = json.at("metadata").at("component").at("hashes");
  return hashes == Json::array({Json{{"alg", "SHA-256"}, {"content", image_sha256}}}) ? ""
                                                                                      : "it describes another image";
} catch (const nlohmann::json::exception&) {
  return "not a CycloneDX 1.5 document";
}

std::string provenance_problem(const std::string& text, const std::string& image_sha256,
                               const std::vector<Artifact>& byproducts) try {
  const auto json = parse_untrusted_json<Json>(text);
  if (json.at("_type") != statement_schema || json.at("predicateType") != provenance_schema)
    return "not a statement with SLSA provenance v1";
  if (json.at("subject").size() != 1 || json.at("subject").at(0).at("digest").at("sha256") != image_sha256)
    return "it describes another image";
  for (const auto& [name, sha256] : byproducts) {
    bool found = false;
    for (const auto& listed : json.at("predicate").at("runDetails").at("byproducts")) {
      if (listed.at("name") != name) continue;
      found = true;
      if (listed.at("digest").at("sha256") != sha256) return name + " is not the file it lists";
    }
    if (!found) return "it does not list " + name;  // a signature would not cover that file
  }
  return {};
} catch (const nlohmann::json::exception&) {
  return "not a statement with SLSA provenance v1";
}

std::vector<Check> check_evidence(const fs::path& image, const std::string& image_sha256,
                                  const std::string& public_pem) {
  std::vector<Check> checks;
  const auto add = [&](const char* rule, const std::string& problem) {
    checks.emplace_back(rule, problem.empty(), problem.empty() ? "describes this image" : problem);
  };
  const auto add_missing = [&](const char* rule, Sidecar kind, Status status) {
    checks.emplace_back(rule, status, "there is no " + sidecar_of(image, kind).filename().string());
  };
  const auto sbom = read_sidecar(image, Sidecar::sbom);
  const auto provenance = read_sidecar(image, Sidecar::provenance);
  const auto signature = read_sidecar(image, Sidecar::signature);
  std::vector<Artifact> byproducts;
  for (const auto kind : {Sidecar::manifest, Sidecar::sbom, Sidecar::sbom_cyclonedx})
    if (const auto content = read_sidecar(image, kind))
      byproducts.push_back({sidecar_of(image, kind).filename().string(), digest_of(*content)});
  if (sbom)
    add("sbom", sbom_problem(*sbom, image_sha256));
  else
    add_missing("sbom", Sidecar::sbom, Status::skipped);
  if (const auto cyclonedx = read_sidecar(image, Sidecar::sbom_cyclonedx))
    add("sbom cyclonedx", cyclonedx_problem(*cyclonedx, image_sha256));
  else
    add_missing("sbom cyclonedx", Sidecar::sbom_cyclonedx, Status::skipped);
  if (provenance)
    add("provenance", provenance_problem(*provenance, image_sha256, byproducts));
  else
    add_missing("provenance", Sidecar::provenance, public_pem.empty() ? Status::skipped : Status::failed);
  checks.push_back(check_signature(image, provenance, signature, public_pem));
  checks.push_back(check_checksums(image, image_sha256));
  return checks;
}

}  // namespace bake::verify
