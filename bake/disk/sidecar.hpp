#pragma once

#include <filesystem>

namespace bake {

/// The sidecar files of an output: files with the output's name and a suffix, in the same directory. The only place
/// that knows these names.
enum class Sidecar {
  manifest,    ///< OUT.manifest.json
  sbom,        ///< OUT.sbom.spdx.json
  provenance,  ///< OUT.provenance.json
  signature,   ///< OUT.provenance.dsse.json
  build_log,   ///< OUT.build.log: what the compiler of kernel modules printed
  result,      ///< OUT.result.json: the record of `bake batch`
  log,         ///< OUT.log: the messages of the run for one image of a fleet
  old_log,     ///< OUT.log.1
  report,      ///< OUT.report.html: the page about an image or a fleet
  partial,     ///< OUT.partial: the output while it is written
  lock,        ///< OUT.partial.lock: locked while the output is written
};

/// The path of the sidecar file `kind` of `output`.
std::filesystem::path sidecar_of(const std::filesystem::path& output, Sidecar kind);

}  // namespace bake
