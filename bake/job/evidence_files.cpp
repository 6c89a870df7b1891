#include "bake/job/evidence_files.hpp"

#include <algorithm>
#include <optional>

#include "bake/base/digest.hpp"
#include "bake/base/dsse.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/evidence/provenance.hpp"
#include "bake/evidence/sbom.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;

constexpr const char* sbom_suffix = ".sbom.spdx.json";
constexpr const char* provenance_suffix = ".provenance.json";
constexpr const char* signature_suffix = ".provenance.dsse.json";
constexpr const char* manifest_suffix = ".manifest.json";

fs::path beside(const fs::path& image, const char* suffix) { return image.string() + suffix; }

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Package files that the plan installed, with the digests that were computed when they came into the store.
std::vector<evidence::InjectedPackage> injected_packages(const plan::Plan& plan, const Driver& driver) {
  std::vector<evidence::InjectedPackage> injected;
  for (const auto& change : plan.changes) {
    if (change.action == ofed::Change::Action::remove) continue;
    const bool extra = change.payload != 0;
    const auto& packages = driver.repository_of(change.payload).packages;
    const auto found = std::find_if(packages.begin(), packages.end(),
                                    [&](const auto& package) { return package.file == change.file; });
    injected.push_back({change.name, change.version, change.arch, file_name(change.file),
                        found != packages.end() ? found->sha256 : "",
                        extra ? driver.extras.at(change.payload - 1).name : driver.bundle.value().name,
                        extra ? driver.extras.at(change.payload - 1).signer : driver.bundle.value().trust.signer});
  }
  return injected;
}

std::vector<evidence::Artifact> extras_of(const plan::Plan& plan, const Driver& driver) {
  std::vector<evidence::Artifact> extras;
  for (std::size_t i = 0; i < driver.extras.size(); ++i)
    if (std::any_of(plan.changes.begin(), plan.changes.end(),
                    [&](const auto& change) { return change.payload == i + 1; }))
      extras.push_back({driver.extras[i].name, driver.extras[i].payload_sha256});
  return extras;
}

std::optional<std::string> read_beside(const fs::path& image, const char* suffix) {
  const auto file = beside(image, suffix);
  return fs::exists(file) ? std::optional(read_text(file)) : std::nullopt;
}

apply::Check check_signature(const fs::path& image, const std::optional<std::string>& provenance,
                             const std::optional<std::string>& signature, const std::string& public_pem) {
  const auto name = beside(image, signature_suffix).filename().string();
  if (!signature) return {"signature", false, "there is no " + name};
  try {
    const auto envelope = read_envelope(*signature, name);
    if (envelope.payload_type != evidence::statement_type || (provenance && envelope.payload != *provenance))
      return {"signature", false, "it was made for another document than the provenance"};
    if (public_pem.empty()) return {"signature", true, "fits the provenance; no key was given to verify it with"};
    require_signed(envelope, public_pem, name);
    return {"signature", true, "the given key signed the provenance"};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::untrusted) throw;
    return {"signature", false, error.message()};
  }
}

}  // namespace

void write_evidence(const fs::path& output, const nlohmann::ordered_json& manifest, const plan::Plan& plan,
                    const Driver& driver, const std::string& private_pem) {
  const auto text = [](const nlohmann::ordered_json& json) { return json.dump(2) + "\n"; };
  const auto manifest_text = text(manifest);
  const auto sbom = text(evidence::sbom(manifest, injected_packages(plan, driver)));
  const auto provenance =
      text(evidence::provenance(manifest, extras_of(plan, driver),
                                {{beside(output, manifest_suffix).filename().string(), digest_of(manifest_text)},
                                 {beside(output, sbom_suffix).filename().string(), digest_of(sbom)}}));
  write_text_atomically(beside(output, sbom_suffix), sbom);
  write_text_atomically(beside(output, provenance_suffix), provenance);
  if (private_pem.empty())
    fs::remove(beside(output, signature_suffix));
  else
    write_text_atomically(beside(output, signature_suffix),
                          make_envelope(provenance, evidence::statement_type, private_pem));
  write_text_atomically(beside(output, manifest_suffix), manifest_text);
}

std::vector<apply::Check> check_evidence(const fs::path& image, const std::string& image_sha256,
                                         const std::string& public_pem) {
  std::vector<apply::Check> checks;
  const auto add = [&](const char* name, const std::string& problem) {
    checks.push_back({name, problem.empty(), problem.empty() ? "speaks of this image" : problem});
  };
  const auto sbom = read_beside(image, sbom_suffix);
  const auto provenance = read_beside(image, provenance_suffix);
  const auto signature = read_beside(image, signature_suffix);
  std::vector<evidence::Artifact> byproducts;
  for (const auto* suffix : {manifest_suffix, sbom_suffix})
    if (const auto content = read_beside(image, suffix))
      byproducts.push_back({beside(image, suffix).filename().string(), digest_of(*content)});
  if (sbom) add("sbom", evidence::sbom_problem(*sbom, image_sha256));
  if (provenance) add("provenance", evidence::provenance_problem(*provenance, image_sha256, byproducts));
  if (!provenance && !public_pem.empty()) add("provenance", "there is none beside the image");
  if (signature || !public_pem.empty()) checks.push_back(check_signature(image, provenance, signature, public_pem));
  return checks;
}

}  // namespace bake::job
