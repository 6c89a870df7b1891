#include "bake/evidence/provenance.hpp"

namespace bake::evidence {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* statement = "https://in-toto.io/Statement/v1";
constexpr const char* predicate = "https://slsa.dev/provenance/v1";

Json descriptor(const std::string& name, const std::string& sha256) {
  return {{"name", name}, {"digest", {{"sha256", sha256}}}};
}

Json descriptors(const std::vector<Artifact>& artifacts) {
  auto list = Json::array();
  for (const auto& [name, sha256] : artifacts) list.push_back(descriptor(name, sha256));
  return list;
}

Json dependencies(const Json& manifest, const std::vector<Artifact>& extras) {
  auto list = Json::array(
      {descriptor(manifest.at("base").at("file"), manifest.at("base").at("sha256")),
       descriptor("recipe " + manifest.at("recipe").at("name").get<std::string>(), manifest.at("recipe").at("sha256")),
       descriptor("matrix", manifest.at("matrix").at("sha256"))});
  if (const auto& driver = manifest.at("driver"); driver.contains("bundle"))
    list.push_back(descriptor(driver.at("bundle").at("name"), driver.at("bundle").at("sha256")));
  for (const auto& [name, sha256] : extras) list.push_back(descriptor("extra packages " + name, sha256));
  return list;
}

}  // namespace

Json provenance(const Json& manifest, const std::vector<Artifact>& extras, const std::vector<Artifact>& byproducts) {
  const auto& product = manifest.at("product");
  return {{"_type", statement},
          {"subject", Json::array({descriptor(product.at("file"), product.at("sha256"))})},
          {"predicateType", predicate},
          {"predicate",
           {{"buildDefinition",
             {{"buildType", "urn:bake:image:v1"},
              {"externalParameters",
               {{"recipe", manifest.at("recipe").at("name")},
                {"os", manifest.at("os")},
                {"vm_sizes", manifest.at("vm_sizes")},
                {"ofed", manifest.at("driver").at("ofed")},
                {"profile", manifest.at("driver").at("profile")}}},
              {"internalParameters", {{"kernel", manifest.at("kernel")}, {"fit", manifest.at("fit")}}},
              {"resolvedDependencies", dependencies(manifest, extras)}}},
            {"runDetails",
             {{"builder", {{"id", "urn:bake:builder"}, {"version", {{"bake", manifest.at("bake")}}}}},
              {"metadata",
               {{"invocationId", "urn:uuid:" + product.at("uuid").get<std::string>()},
                {"finishedOn", manifest.at("time")}}},
              {"byproducts", descriptors(byproducts)}}}}}};
}

std::string provenance_problem(const std::string& text, const std::string& image_sha256,
                               const std::vector<Artifact>& byproducts) try {
  const auto json = Json::parse(text);
  if (json.at("_type") != statement || json.at("predicateType") != predicate)
    return "not a statement with SLSA provenance v1";
  if (json.at("subject").size() != 1 || json.at("subject").at(0).at("digest").at("sha256") != image_sha256)
    return "it speaks of another image";
  for (const auto& [name, sha256] : byproducts)
    for (const auto& listed : json.at("predicate").at("runDetails").at("byproducts"))
      if (listed.at("name") == name && listed.at("digest").at("sha256") != sha256)
        return name + " is not the file it speaks of";
  return {};
} catch (const nlohmann::json::exception&) {
  return "not a statement with SLSA provenance v1";
}

}  // namespace bake::evidence
