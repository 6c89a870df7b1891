#include "bake/evidence/provenance.hpp"

namespace bake::evidence {
namespace {

using Json = nlohmann::ordered_json;

Json descriptor(const std::string& name, const std::string& sha256) {
  return {{"name", name}, {"digest", {{"sha256", sha256}}}};
}

Json descriptors(const std::vector<verify::Artifact>& artifacts) {
  auto list = Json::array();
  for (const auto& [name, sha256] : artifacts) list.push_back(descriptor(name, sha256));
  return list;
}

Json dependencies(const Json& manifest, const std::vector<verify::Artifact>& extras) {
  auto list = Json::array(
      {descriptor(manifest.at("base").at("file"), manifest.at("base").at("sha256")),
       descriptor("recipe " + manifest.at("recipe").at("name").get<std::string>(), manifest.at("recipe").at("sha256")),
       descriptor("matrix", manifest.at("matrix").at("sha256"))});
  if (const auto& driver = manifest.at("driver"); driver.contains("bundle"))
    list.push_back(descriptor(driver.at("bundle").at("name"), driver.at("bundle").at("sha256")));
  for (const auto& [name, sha256] : extras) list.push_back(descriptor(name, sha256));
  return list;
}

}  // namespace

Json provenance(const Json& manifest, const std::vector<verify::Artifact>& extras,
                const std::vector<verify::Artifact>& byproducts) {
  const auto& product = manifest.at("product");
  return {{"_type", verify::statement_schema},
          {"subject", Json::array({descriptor(product.at("file"), product.at("sha256"))})},
          {"predicateType", verify::provenance_schema},
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

}  // namespace bake::evidence
