#include "bake/disk/sidecar.hpp"

namespace bake {
namespace {

const char* suffix_of(Sidecar kind) {
  switch (kind) {
    case Sidecar::manifest:
      return ".manifest.json";
    case Sidecar::sbom:
      return ".sbom.spdx.json";
    case Sidecar::sbom_cyclonedx:
      return ".sbom.cdx.json";
    case Sidecar::provenance:
      return ".provenance.json";
    case Sidecar::signature:
      return ".provenance.dsse.json";
    case Sidecar::checksums:
      return ".SHA256SUMS";
    case Sidecar::build_log:
      return ".build.log";
    case Sidecar::result:
      return ".result.json";
    case Sidecar::log:
      return ".log";
    case Sidecar::old_log:
      return ".log.1";
    case Sidecar::report:
      return ".report.html";
    case Sidecar::partial:
      return ".partial";
    case Sidecar::lock:
      return ".partial.lock";
  }
  return "";
}

}  // namespace

std::filesystem::path sidecar_of(const std::filesystem::path& output, Sidecar kind) {
  auto path = output;
  path += suffix_of(kind);
  return path;
}

}  // namespace bake
