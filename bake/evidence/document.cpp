#include "bake/evidence/document.hpp"

#include <fmt/format.h>

#include "bake/base/digest.hpp"

namespace bake::evidence {

Distribution distribution_of(const nlohmann::ordered_json& manifest) {
  const auto& os = manifest.at("os");
  return {manifest.at("expectations").at("family"), os.at("id"), os.at("version")};
}

std::string evidence_time(const nlohmann::ordered_json& manifest) {
  return manifest.contains("resigned") ? manifest.at("resigned").at("time") : manifest.at("time");
}

std::string document_uuid(const nlohmann::ordered_json& manifest, const std::string& kind) {
  return uuid_from(
      fmt::format("{} {} {}", kind, manifest.at("product").at("sha256").get<std::string>(), evidence_time(manifest)));
}

}  // namespace bake::evidence
