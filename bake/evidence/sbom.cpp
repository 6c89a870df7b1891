#include "bake/evidence/sbom.hpp"

#include <fmt/format.h>
#include <map>
#include <string>

#include "bake/base/digest.hpp"
#include "bake/evidence/document.hpp"
#include "bake/evidence/licence.hpp"
#include "bake/evidence/purl.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::evidence {
namespace {

using Json = nlohmann::ordered_json;

using verify::checksum;
constexpr const char* version = verify::spdx_version;
constexpr const char* image_id = verify::spdx_image_id;
constexpr const char* no_assertion = "NOASSERTION";

std::string comment_of(const ImagePackage& package) {
  auto comment = package.is_injected() ? "installed by bake, from " + package.from : "from: " + package.from;
  if (package.customize) comment += ", for customize: packages of the recipe";
  if (!package.signer.empty()) comment += ", vouched for by the OpenPGP key " + package.signer;
  if (const auto& digest = package.details.header_digest; !digest.empty())
    comment +=
        fmt::format("; the package database has {} {} of the header of the rpm, which is not the digest of its file",
                    digest.size() == 64 ? "SHA-256" : "SHA-1", digest);
  return comment;
}

/// The SPDX document while it is made.
class Document {
 public:
  Document(const Json& manifest, std::size_t count)
      : manifest_(manifest),
        distribution_(distribution_of(manifest)),
        tool_("Tool: bake-" + manifest.at("bake").get<std::string>()) {
    packages_.get_ref<Json::array_t&>().reserve(count + 1);
  }

  void add_image() {
    const auto& product = manifest_.at("product");
    const auto& file = product.at("file");
    packages_.push_back({{"name", file},
                         {"SPDXID", image_id},
                         {"packageFileName", file},
                         {"downloadLocation", no_assertion},
                         {"filesAnalyzed", false},
                         {"checksums", checksum(product.at("sha256"))},
                         {"licenseConcluded", no_assertion},
                         {"licenseDeclared", no_assertion},
                         {"copyrightText", no_assertion},
                         {"primaryPackagePurpose", "OPERATING_SYSTEM"}});
    relate("SPDXRef-DOCUMENT", "DESCRIBES", image_id);
  }

  void add(const ImagePackage& package) {
    const auto id = fmt::format("SPDXRef-Package-{}", packages_.size());
    Json json{{"name", package.name}, {"SPDXID", id}, {"versionInfo", package.version}};
    if (package.is_injected()) json["packageFileName"] = package.file;
    json["supplier"] = no_assertion;
    json["downloadLocation"] = no_assertion;
    json["filesAnalyzed"] = false;
    if (!package.sha256.empty()) json["checksums"] = checksum(package.sha256);
    json["licenseConcluded"] = no_assertion;
    add_licence(package.details.licence, json);
    json["copyrightText"] = no_assertion;
    json["externalRefs"] =
        Json::array({Json{{"referenceCategory", "PACKAGE-MANAGER"},
                          {"referenceType", "purl"},
                          {"referenceLocator", purl_of(distribution_, package.name, package.version, package.arch)}}});
    json["comment"] = comment_of(package);
    if (package.is_injected())
      json["annotations"] = Json::array({Json{{"annotationDate", evidence_time(manifest_)},
                                              {"annotationType", "OTHER"},
                                              {"annotator", tool_},
                                              {"comment", "bake installed this package: " + package.from}}});
    packages_.push_back(std::move(json));
    relate(image_id, "CONTAINS", id);
  }

  Json finish() {
    const auto& product = manifest_.at("product");
    Json document{{"spdxVersion", version},
                  {"dataLicense", "CC0-1.0"},
                  {"SPDXID", "SPDXRef-DOCUMENT"},
                  {"name", product.at("file")},
                  {"documentNamespace", "urn:uuid:" + document_uuid(manifest_, "spdx")},
                  {"creationInfo",
                   {{"created", evidence_time(manifest_)},
                    {"creators", {tool_}},
                    {"comment",
                     "all packages of the package database of the image; files that no package owns are not "
                     "listed. The licences are those that the packages declare: dpkg's database has none"}}}};
    if (!licences_.empty()) {
      auto list = Json::array();
      for (const auto& [id, text] : licences_)
        list.push_back({{"licenseId", id},
                        {"extractedText", text},
                        {"name", text},
                        {"comment", "the tag License of an rpm, which is not written as an SPDX licence expression"}});
      document["hasExtractedLicensingInfos"] = std::move(list);
    }
    document["packages"] = std::move(packages_);
    document["relationships"] = std::move(relationships_);
    return document;
  }

 private:
  void add_licence(const std::string& licence, Json& json) {
    if (licence.empty()) {
      json["licenseDeclared"] = no_assertion;
    } else if (const auto expression = licence_expression(licence)) {
      json["licenseDeclared"] = *expression;
    } else {
      const auto id = licence_reference(licence);
      licences_.emplace(id, licence);
      json["licenseDeclared"] = id;
      json["licenseComments"] = "the package says: " + licence;
    }
  }

  void relate(const std::string& from, const char* type, const std::string& to) {
    relationships_.push_back({{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}});
  }

  const Json& manifest_;
  Distribution distribution_;
  std::string tool_;
  Json packages_ = Json::array();
  Json relationships_ = Json::array();
  std::map<std::string, std::string> licences_;  ///< LicenseRef-… → the text in the package
};

}  // namespace

Json sbom(const Json& manifest, const std::vector<ImagePackage>& packages) {
  Document document(manifest, packages.size());
  document.add_image();
  for (const auto& package : packages) document.add(package);
  return document.finish();
}

}  // namespace bake::evidence
