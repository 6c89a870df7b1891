#include "bake/evidence/files.hpp"

#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/json.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/evidence/cyclonedx.hpp"
#include "bake/evidence/provenance.hpp"
#include "bake/evidence/sbom.hpp"
#include "bake/signature/dsse.hpp"
#include "bake/verify/checksums.hpp"

namespace bake::evidence {
namespace {

namespace fs = std::filesystem;

/// Returns the text of a document. `bake verify` must be able to read it.
std::string text_of(const nlohmann::ordered_json& json, const fs::path& file) {
  auto text = json.dump(2) + "\n";
  if (text.size() > verify::max_document || parse_untrusted_json(text).is_discarded())
    throw Error(ErrorKind::failed,
                fmt::format("writing '{}': the document is too large to be read again", file.string()),
                "the image has more packages or files than any working system; look at it");
  return text;
}

verify::Artifact artifact(const fs::path& file, const std::string& text) {
  return {file.filename().string(), digest_of(text)};
}

}  // namespace

void write_evidence(const fs::path& output, const nlohmann::ordered_json& manifest,
                    const std::vector<ImagePackage>& packages, const std::string& private_pem) {
  const auto file = [&](Sidecar kind) { return sidecar_of(output, kind); };
  const auto manifest_text = text_of(manifest, file(Sidecar::manifest));
  const auto sbom_text = text_of(sbom(manifest, packages), file(Sidecar::sbom));
  const auto cyclonedx_text = text_of(cyclonedx(manifest, packages), file(Sidecar::sbom_cyclonedx));
  const auto provenance_text = text_of(
      provenance(manifest, {artifact(file(Sidecar::manifest), manifest_text), artifact(file(Sidecar::sbom), sbom_text),
                            artifact(file(Sidecar::sbom_cyclonedx), cyclonedx_text)}),
      file(Sidecar::provenance));
  write_text_atomically(file(Sidecar::sbom), sbom_text);
  write_text_atomically(file(Sidecar::sbom_cyclonedx), cyclonedx_text);
  write_text_atomically(file(Sidecar::provenance), provenance_text);
  if (private_pem.empty())
    fs::remove(file(Sidecar::signature));
  else
    write_text_atomically(file(Sidecar::signature),
                          signature::make_envelope(provenance_text, verify::statement_type, private_pem));
  write_text_atomically(file(Sidecar::manifest), manifest_text);
  write_checksums(output, manifest.at("product").at("sha256"));
}

void write_signature(const fs::path& output, const std::string& image_sha256, const std::string& private_pem) {
  const auto provenance_text = read_text(sidecar_of(output, Sidecar::provenance), verify::max_document);
  write_text_atomically(sidecar_of(output, Sidecar::signature),
                        signature::make_envelope(provenance_text, verify::statement_type, private_pem));
  write_checksums(output, image_sha256);
}

void write_checksums(const fs::path& output, const std::string& image_sha256) {
  write_text_atomically(sidecar_of(output, Sidecar::checksums), verify::checksum_lines(output, image_sha256));
}

}  // namespace bake::evidence
