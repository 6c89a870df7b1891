#include "bake/evidence/files.hpp"

#include <algorithm>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/evidence/provenance.hpp"
#include "bake/evidence/sbom.hpp"
#include "bake/signature/dsse.hpp"

namespace bake::evidence {
namespace {

namespace fs = std::filesystem;

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Returns the package files that the plan installed, with the digests that the store computed when it added them.
std::vector<InjectedPackage> injected_packages(const plan::Plan& plan, const resolve::SelectedDriver& driver) {
  std::vector<InjectedPackage> injected;
  for (const auto& change : all_changes(plan)) {
    if (change.action == resolve::PackageChange::Action::remove) continue;
    const auto* bundle = driver.bundle_of(change.payload);
    const auto* package = driver.package_of(change);
    injected.push_back({change.name, change.version, change.arch, file_name(change.file),
                        package != nullptr ? package->sha256 : "",
                        bundle != nullptr ? bundle->name : driver.extras.at(change.payload - 1).name,
                        bundle != nullptr ? bundle->trust.signer : driver.extras.at(change.payload - 1).signer});
  }
  return injected;
}

std::vector<verify::Artifact> extras_of(const plan::Plan& plan, const resolve::SelectedDriver& driver) {
  std::vector<verify::Artifact> extras;
  const auto changes = all_changes(plan);
  for (std::size_t i = 0; i < driver.extras.size(); ++i)
    if (std::any_of(changes.begin(), changes.end(), [&](const auto& change) { return change.payload == i + 1; }))
      extras.push_back({"extra packages " + driver.extras[i].name, driver.extras[i].payload_sha256});
  if (plan.built_modules) extras.push_back({"built modules " + plan.built_modules->name, plan.built_modules->id});
  for (const auto& change : plan.changes)
    if (change.kernel_bundle && change.action != resolve::PackageChange::Action::remove) {
      const auto* bundle = driver.bundle_of(change.payload);
      extras.push_back({bundle->name, bundle->id()});
      break;  // only the one for the kernel that boots is used
    }
  return extras;
}

}  // namespace

void write_evidence(const fs::path& output, const nlohmann::ordered_json& manifest, const plan::Plan& plan,
                    const resolve::SelectedDriver& driver, const std::string& private_pem) {
  const auto text = [](const nlohmann::ordered_json& json) { return json.dump(2) + "\n"; };
  const auto manifest_text = text(manifest);
  const auto sbom_text = text(sbom(manifest, injected_packages(plan, driver)));
  const auto provenance_text =
      text(provenance(manifest, extras_of(plan, driver),
                      {{sidecar_of(output, Sidecar::manifest).filename().string(), digest_of(manifest_text)},
                       {sidecar_of(output, Sidecar::sbom).filename().string(), digest_of(sbom_text)}}));
  write_text_atomically(sidecar_of(output, Sidecar::sbom), sbom_text);
  write_text_atomically(sidecar_of(output, Sidecar::provenance), provenance_text);
  if (private_pem.empty())
    fs::remove(sidecar_of(output, Sidecar::signature));
  else
    write_text_atomically(sidecar_of(output, Sidecar::signature),
                          signature::make_envelope(provenance_text, verify::statement_type, private_pem));
  write_text_atomically(sidecar_of(output, Sidecar::manifest), manifest_text);
}

}  // namespace bake::evidence
