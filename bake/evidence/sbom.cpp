#include "bake/evidence/sbom.hpp"

#include <fmt/format.h>

#include "bake/verify/evidence.hpp"

namespace bake::evidence {
namespace {

using Json = nlohmann::ordered_json;

using verify::checksum;
constexpr const char* version = verify::spdx_version;
constexpr const char* image_id = verify::spdx_image_id;

/// Returns `text` percent-encoded for a purl (github.com/package-url/purl-spec, character encoding).
std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~";
  std::string out;
  for (const char c : text)
    if (plain.find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

/// Returns "pkg:rpm/centos/libibverbs@55mlnx37-1?arch=x86_64&epoch=1". An epoch is a qualifier for rpm, and part of the
/// version for deb.
std::string purl(const InjectedPackage& package, const std::string& type, const std::string& distribution) {
  auto number = package.version;
  std::string epoch;
  if (const auto colon = number.find(':'); type == "rpm" && colon != std::string::npos) {
    epoch = number.substr(0, colon);
    number.erase(0, colon + 1);
  }
  auto text = fmt::format("pkg:{}/{}/{}@{}?arch={}", type, percent_encoded(distribution), percent_encoded(package.name),
                          percent_encoded(number), percent_encoded(package.arch));
  return epoch.empty() || epoch == "0" ? text : text + "&epoch=" + epoch;
}

Json package_json(const InjectedPackage& package, const std::string& id, const std::string& type,
                  const std::string& distribution) {
  auto comment = "taken from " + package.source;
  if (!package.signer.empty()) comment += ", vouched for by the OpenPGP key " + package.signer;
  return {{"name", package.name},
          {"SPDXID", id},
          {"versionInfo", package.version},
          {"packageFileName", package.file},
          {"supplier", "NOASSERTION"},
          {"downloadLocation", "NOASSERTION"},
          {"filesAnalyzed", false},
          {"checksums", checksum(package.sha256)},
          {"licenseConcluded", "NOASSERTION"},
          {"licenseDeclared", "NOASSERTION"},
          {"copyrightText", "NOASSERTION"},
          {"externalRefs", Json::array({Json{{"referenceCategory", "PACKAGE-MANAGER"},
                                             {"referenceType", "purl"},
                                             {"referenceLocator", purl(package, type, distribution)}}})},
          {"comment", comment}};
}

Json relationship(const std::string& from, const char* type, const std::string& to) {
  return {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}};
}

}  // namespace

Json sbom(const Json& manifest, const std::vector<InjectedPackage>& injected) {
  const auto& product = manifest.at("product");
  const auto type = manifest.at("expectations").at("family").get<std::string>();
  const auto distribution = manifest.at("os").at("id").get<std::string>();
  const auto file = product.at("file").get<std::string>();
  auto packages = Json::array({Json{{"name", file},
                                    {"SPDXID", image_id},
                                    {"packageFileName", file},
                                    {"downloadLocation", "NOASSERTION"},
                                    {"filesAnalyzed", false},
                                    {"checksums", checksum(product.at("sha256"))},
                                    {"licenseConcluded", "NOASSERTION"},
                                    {"licenseDeclared", "NOASSERTION"},
                                    {"copyrightText", "NOASSERTION"},
                                    {"primaryPackagePurpose", "OPERATING-SYSTEM"}}});
  auto relationships = Json::array({relationship("SPDXRef-DOCUMENT", "DESCRIBES", image_id)});
  for (std::size_t i = 0; i < injected.size(); ++i) {
    const auto id = fmt::format("SPDXRef-Package-{}", i + 1);
    packages.push_back(package_json(injected[i], id, type, distribution));
    relationships.push_back(relationship(image_id, "CONTAINS", id));
  }
  return {{"spdxVersion", version},
          {"dataLicense", "CC0-1.0"},
          {"SPDXID", "SPDXRef-DOCUMENT"},
          {"name", file},
          {"documentNamespace", "urn:uuid:" + product.at("uuid").get<std::string>()},
          {"creationInfo",
           {{"created", manifest.at("time")},
            {"creators", {"Tool: bake-" + manifest.at("bake").get<std::string>()}},
            {"comment", "the packages that bake installed; the packages of the base image are not listed"}}},
          {"packages", packages},
          {"relationships", relationships}};
}

}  // namespace bake::evidence
