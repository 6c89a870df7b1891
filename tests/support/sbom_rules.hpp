// The rules of SPDX 2.3 and CycloneDX 1.5 that bake's documents must follow, as functions that return every violation.
// Sources: spdx/spdx-spec, branch support/2.3, schemas/spdx-schema.json and chapters/; CycloneDX/specification,
// schema/bom-1.5.schema.json; package-url/purl-spec. tests/e2e/sbom_schema_test.py uses the schemas themselves.
#pragma once

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace bake::testing {

using Violations = std::vector<std::string>;

inline bool matches(const std::string& text, const char* pattern) {
  return std::regex_match(text, std::regex(pattern, std::regex::ECMAScript));
}

/// purl-spec, "rules for each purl component": lower-case type, percent-encoded namespace, name and version, qualifiers
/// with lower-case keys in the order of their names and without empty values.
inline bool is_purl(const std::string& text) {
  if (!matches(text,
               "pkg:[a-z][a-z0-9.-]*/([a-z0-9._~:-]|%[0-9A-F]{2})+/([A-Za-z0-9._~:-]|%[0-9A-F]{2})+"
               "@([A-Za-z0-9._~:-]|%[0-9A-F]{2})+(\\?[a-z][a-z0-9._-]*=([A-Za-z0-9._~:/-]|%[0-9A-F]{2})+"
               "(&[a-z][a-z0-9._-]*=([A-Za-z0-9._~:/-]|%[0-9A-F]{2})+)*)?"))
    return false;
  std::vector<std::string> keys;
  const std::regex key("[?&]([a-z][a-z0-9._-]*)=");
  for (std::sregex_iterator match(text.begin(), text.end(), key), end; match != end; ++match)
    keys.push_back((*match)[1]);
  return std::is_sorted(keys.begin(), keys.end()) && std::set(keys.begin(), keys.end()).size() == keys.size();
}

/// The form of a licence expression (chapters/SPDX-license-expressions.md, D.1). `references` gets every LicenseRef-.
inline bool has_form_of_expression(const std::string& text, std::set<std::string>& references) {
  if (text == "NOASSERTION" || text == "NONE") return true;
  const std::regex reference("LicenseRef-[A-Za-z0-9.-]+");
  for (std::sregex_iterator match(text.begin(), text.end(), reference), end; match != end; ++match)
    references.insert(match->str());
  return matches(text,
                 "\\(*[A-Za-z0-9.-]+\\+?( WITH [A-Za-z0-9.-]+)?\\)*( (AND|OR) \\(*[A-Za-z0-9.-]+\\+?( WITH "
                 "[A-Za-z0-9.-]+)?\\)*)*");
}

/// schemas/spdx-schema.json and the chapters that its descriptions name.
inline Violations spdx_violations(const nlohmann::ordered_json& document) {
  Violations found;
  const auto need = [&](bool good, const std::string& what) {
    if (!good) found.push_back(what);
  };
  const auto text = [](const nlohmann::ordered_json& object, const char* key) {
    return object.contains(key) && object.at(key).is_string() ? object.at(key).get<std::string>() : std::string();
  };
  constexpr const char* time = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z";               // 6.9, 12.2
  constexpr const char* identifier = "SPDXRef-[A-Za-z0-9.-]+";                                         // 6.3, 7.2
  need(text(document, "spdxVersion") == "SPDX-2.3", "spdxVersion");                                    // 6.1
  need(text(document, "dataLicense") == "CC0-1.0", "dataLicense");                                     // 6.2
  need(text(document, "SPDXID") == "SPDXRef-DOCUMENT", "SPDXID of the document");                      // 6.3
  need(!text(document, "name").empty(), "name of the document");                                       // 6.4
  need(matches(text(document, "documentNamespace"), "[a-z][a-z0-9+.-]*:[^#]+"), "documentNamespace");  // 6.5
  need(matches(text(document.at("creationInfo"), "created"), time), "created");
  need(!document.at("creationInfo").at("creators").empty(), "creators");
  for (const auto& creator : document.at("creationInfo").at("creators"))
    need(matches(creator, "(Tool|Person|Organization): .+"), "creator");  // 6.8

  static const std::set<std::string> keys{"SPDXID",
                                          "annotations",
                                          "attributionTexts",
                                          "builtDate",
                                          "checksums",
                                          "comment",
                                          "copyrightText",
                                          "description",
                                          "downloadLocation",
                                          "externalRefs",
                                          "filesAnalyzed",
                                          "hasFiles",
                                          "homepage",
                                          "licenseComments",
                                          "licenseConcluded",
                                          "licenseDeclared",
                                          "licenseInfoFromFiles",
                                          "name",
                                          "originator",
                                          "packageFileName",
                                          "packageVerificationCode",
                                          "primaryPackagePurpose",
                                          "releaseDate",
                                          "sourceInfo",
                                          "summary",
                                          "supplier",
                                          "validUntilDate",
                                          "versionInfo"};
  static const std::set<std::string> purposes{"OTHER",       "INSTALL",   "ARCHIVE",          "FIRMWARE",
                                              "APPLICATION", "FRAMEWORK", "LIBRARY",          "CONTAINER",
                                              "SOURCE",      "DEVICE",    "OPERATING_SYSTEM", "FILE"};
  std::set<std::string> ids{"SPDXRef-DOCUMENT"};
  std::set<std::string> references;
  for (const auto& package : document.at("packages")) {
    const auto name = text(package, "name");
    for (const auto& [key, value] : package.items()) need(keys.contains(key), "key " + key);
    need(!name.empty(), "name of a package");                                 // 7.1
    need(matches(text(package, "SPDXID"), identifier), "SPDXID of " + name);  // 7.2
    need(ids.insert(text(package, "SPDXID")).second, "two SPDXIDs of " + name);
    need(!text(package, "downloadLocation").empty(), "downloadLocation of " + name);  // 7.7
    need(package.at("filesAnalyzed") == false, "filesAnalyzed of " + name);  // 7.8; true needs a verification code
    for (const auto* licence : {"licenseDeclared", "licenseConcluded"})
      need(has_form_of_expression(text(package, licence), references), std::string(licence) + " of " + name);
    if (package.contains("primaryPackagePurpose"))
      need(purposes.contains(text(package, "primaryPackagePurpose")), "primaryPackagePurpose of " + name);
    if (package.contains("supplier"))
      need(matches(text(package, "supplier"), "NOASSERTION|(Person|Organization): .+"), "supplier of " + name);
    if (package.contains("checksums"))
      for (const auto& checksum : package.at("checksums"))
        need(checksum.size() == 2 && text(checksum, "algorithm") == "SHA256" &&
                 matches(text(checksum, "checksumValue"), "[0-9a-f]{64}"),
             "checksum of " + name);  // 7.10
    if (package.contains("externalRefs"))
      for (const auto& external : package.at("externalRefs"))
        need(external.size() == 3 && text(external, "referenceCategory") == "PACKAGE-MANAGER" &&
                 text(external, "referenceType") == "purl" && is_purl(text(external, "referenceLocator")),
             "external reference of " + name);  // 7.21, Annex F.3
    if (package.contains("annotations"))
      for (const auto& annotation : package.at("annotations"))
        need(annotation.size() == 4 && matches(text(annotation, "annotationDate"), time) &&
                 matches(text(annotation, "annotationType"), "OTHER|REVIEW") &&
                 matches(text(annotation, "annotator"), "(Tool|Person|Organization): .+") &&
                 !text(annotation, "comment").empty(),
             "annotation of " + name);  // 12
  }
  std::set<std::string> extracted;
  if (document.contains("hasExtractedLicensingInfos"))
    for (const auto& licence : document.at("hasExtractedLicensingInfos")) {
      need(matches(text(licence, "licenseId"), "LicenseRef-[A-Za-z0-9.-]+"), "licenseId");  // 10.1
      need(!text(licence, "extractedText").empty(), "extractedText");                       // 10.2
      need(extracted.insert(text(licence, "licenseId")).second, "two licences " + text(licence, "licenseId"));
    }
  need(extracted == references, "the licences that are used are not those that are described");
  bool describes = false;
  for (const auto& relation : document.at("relationships")) {
    need(ids.contains(text(relation, "spdxElementId")) && ids.contains(text(relation, "relatedSpdxElement")),
         "a relationship with an unknown element");
    need(matches(text(relation, "relationshipType"), "DESCRIBES|CONTAINS"), "relationshipType");
    describes = describes || text(relation, "relationshipType") == "DESCRIBES";
  }
  need(describes, "nothing is described");  // 11.1: a document with several packages
  return found;
}

/// schema/bom-1.5.schema.json.
inline Violations cyclonedx_violations(const nlohmann::ordered_json& document) {
  Violations found;
  const auto need = [&](bool good, const std::string& what) {
    if (!good) found.push_back(what);
  };
  const auto text = [](const nlohmann::ordered_json& object, const char* key) {
    return object.contains(key) && object.at(key).is_string() ? object.at(key).get<std::string>() : std::string();
  };
  static const std::set<std::string> top{"bomFormat", "specVersion", "serialNumber", "version",
                                         "metadata",  "components",  "dependencies", "compositions"};
  static const std::set<std::string> keys{"type",   "bom-ref",  "name", "version",
                                          "hashes", "licenses", "purl", "properties"};
  static const std::set<std::string> aggregates{"complete", "incomplete", "unknown", "not_specified"};
  for (const auto& [key, value] : document.items()) need(top.contains(key), "key " + key);
  need(text(document, "bomFormat") == "CycloneDX", "bomFormat");
  need(text(document, "specVersion") == "1.5", "specVersion");
  need(matches(text(document, "serialNumber"), "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
       "serialNumber");
  need(document.at("version").is_number_integer() && document.at("version") >= 1, "version");
  const auto& metadata = document.at("metadata");
  need(matches(text(metadata, "timestamp"), "[0-9-]{10}T[0-9:]{8}Z"), "timestamp");
  need(metadata.at("tools").at("components").size() == 1, "tools");
  std::set<std::string> references;
  const auto check_component = [&](const nlohmann::ordered_json& component) {
    const auto name = text(component, "name");
    for (const auto& [key, value] : component.items()) need(keys.contains(key), "key " + key + " of " + name);
    need(matches(text(component, "type"), "application|library|operating-system"), "type of " + name);
    need(!name.empty(), "a component without a name");
    need(references.insert(text(component, "bom-ref")).second, "bom-ref of " + name);
    if (component.contains("hashes"))
      for (const auto& hash : component.at("hashes"))
        need(hash.size() == 2 && text(hash, "alg") == "SHA-256" && matches(text(hash, "content"), "[a-fA-F0-9]{64}"),
             "hash of " + name);
    if (component.contains("purl")) need(is_purl(text(component, "purl")), "purl of " + name);
    if (component.contains("properties"))
      for (const auto& property : component.at("properties"))
        need(property.size() == 2 && !text(property, "name").empty() && property.at("value").is_string(),
             "property of " + name);
    if (!component.contains("licenses")) return;
    // Either one expression, or a list of licences, each with an id or a name.
    const auto& licences = component.at("licenses");
    std::set<std::string> ignored;
    need(licences.size() == 1 && licences[0].size() == 1, "licenses of " + name);
    if (licences[0].contains("expression"))
      need(has_form_of_expression(text(licences[0], "expression"), ignored), "expression of " + name);
    else
      need(!text(licences[0].at("license"), "name").empty(), "licence of " + name);
  };
  check_component(metadata.at("component"));
  for (const auto& component : document.at("components")) check_component(component);
  const auto check_references = [&](const nlohmann::ordered_json& list) {
    std::set<std::string> unique;
    for (const auto& reference : list)
      need(references.contains(reference) && unique.insert(reference).second, "reference " + reference.dump());
  };
  for (const auto& dependency : document.at("dependencies")) {
    need(references.contains(text(dependency, "ref")), "ref of a dependency");
    check_references(dependency.at("dependsOn"));
  }
  for (const auto& composition : document.at("compositions")) {
    need(aggregates.contains(text(composition, "aggregate")), "aggregate");
    for (const auto* list : {"assemblies", "dependencies"})
      if (composition.contains(list)) check_references(composition.at(list));
  }
  return found;
}

}  // namespace bake::testing
