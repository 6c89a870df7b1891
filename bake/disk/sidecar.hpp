#pragma once

#include <array>
#include <filesystem>

namespace bake {

/// The sidecar files of an output: files with the output's name and a suffix, in the same directory. The only place
/// that knows these names.
enum class Sidecar {
  manifest,        ///< OUT.manifest.json
  sbom,            ///< OUT.sbom.spdx.json
  sbom_cyclonedx,  ///< OUT.sbom.cdx.json
  provenance,      ///< OUT.provenance.json
  signature,       ///< OUT.provenance.dsse.json
  build_log,       ///< OUT.build.log: what the compiler of kernel modules printed
  checksums,       ///< OUT.SHA256SUMS: the digests of the output and of the files above
  result,          ///< OUT.result.json: the record of `bake batch`
  log,             ///< OUT.log: the messages of the run for one image of a fleet
  old_log,         ///< OUT.log.1
  report,          ///< OUT.report.html: the page about an image or a fleet
  partial,         ///< OUT.partial: the output while it is written
  lock,            ///< OUT.partial.lock: locked while the output is written
};

/// The files that describe a finished image and belong to it, except the list of their digests.
inline constexpr std::array evidence_sidecars{Sidecar::manifest,   Sidecar::sbom,      Sidecar::sbom_cyclonedx,
                                              Sidecar::provenance, Sidecar::signature, Sidecar::build_log};

/// The path of the sidecar file `kind` of `output`.
std::filesystem::path sidecar_of(const std::filesystem::path& output, Sidecar kind);

}  // namespace bake
