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
  result,      ///< OUT.result.json: what `bake batch` remembers
  log,         ///< OUT.log: what the bake of a fleet's image printed
  old_log,     ///< OUT.log.1
  partial,     ///< OUT.partial: the output while it is written
  lock,        ///< OUT.partial.lock: held while the output is written
};

/// The path of the sidecar file `kind` of `output`.
std::filesystem::path sidecar_of(const std::filesystem::path& output, Sidecar kind);

}  // namespace bake
