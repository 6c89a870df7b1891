#include "bake/evidence/cyclonedx.hpp"

#include <fmt/format.h>
#include <string>

#include "bake/evidence/document.hpp"
#include "bake/evidence/licence.hpp"
#include "bake/evidence/purl.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::evidence {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* image_reference = "image";

Json property(const char* name, const std::string& value) { return {{"name", name}, {"value", value}}; }

Json hashes(const std::string& sha256) { return Json::array({Json{{"alg", "SHA-256"}, {"content", sha256}}}); }

Json licences(const std::string& licence) {
  if (const auto expression = licence_expression(licence)) return Json::array({Json{{"expression", *expression}}});
  return Json::array({Json{{"license", {{"name", licence}}}}});
}

Json properties_of(const ImagePackage& package) {
  auto list = Json::array({property("bake:from", package.from)});
  if (package.customize) list.push_back(property("bake:customize", "true"));
  if (package.is_injected()) list.push_back(property("bake:package-file", package.file));
  if (!package.signer.empty()) list.push_back(property("bake:signer", package.signer));
  // The header is a part of the package file, so this is not a hash of the component.
  if (const auto& digest = package.details.header_digest; !digest.empty())
    list.push_back(property(digest.size() == 64 ? "bake:rpm-header-sha256" : "bake:rpm-header-sha1", digest));
  return list;
}

Json component(const ImagePackage& package, const std::string& reference, const Distribution& distribution) {
  Json json{{"type", "library"}, {"bom-ref", reference}, {"name", package.name}, {"version", package.version}};
  if (!package.sha256.empty()) json["hashes"] = hashes(package.sha256);
  if (!package.details.licence.empty()) json["licenses"] = licences(package.details.licence);
  json["purl"] = purl_of(distribution, package.name, package.version, package.arch);
  json["properties"] = properties_of(package);
  return json;
}

}  // namespace

Json cyclonedx(const Json& manifest, const std::vector<ImagePackage>& packages) {
  const auto& product = manifest.at("product");
  const auto distribution = distribution_of(manifest);
  auto components = Json::array();
  auto references = Json::array();
  for (const auto& package : packages) {
    references.push_back(fmt::format("package-{}", components.size() + 1));
    components.push_back(component(package, references.back(), distribution));
  }
  Json image{{"type", "operating-system"},
             {"bom-ref", image_reference},
             {"name", product.at("file")},
             {"hashes", hashes(product.at("sha256"))},
             {"properties", Json::array({property("bake:os", distribution.id + " " + distribution.version)})}};
  Json tool{{"type", "application"}, {"name", "bake"}, {"version", manifest.at("bake")}};
  return {{"bomFormat", "CycloneDX"},
          {"specVersion", verify::cyclonedx_version},
          {"serialNumber", "urn:uuid:" + document_uuid(manifest, "cyclonedx")},
          {"version", 1},
          {"metadata",
           {{"timestamp", evidence_time(manifest)},
            {"lifecycles", Json::array({Json{{"phase", "post-build"}}})},
            {"tools", {{"components", Json::array({std::move(tool)})}}},
            {"component", std::move(image)}}},
          {"components", std::move(components)},
          {"dependencies", Json::array({Json{{"ref", image_reference}, {"dependsOn", references}}})},
          // Files that no package owns are not listed, and what the packages need of each other is not recorded.
          {"compositions", Json::array({Json{{"aggregate", "incomplete"}, {"assemblies", {image_reference}}},
                                        Json{{"aggregate", "unknown"}, {"dependencies", std::move(references)}}})}};
}

}  // namespace bake::evidence
