#include "bake/evidence/provenance.hpp"

#include "bake/evidence/document.hpp"

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

Json dependencies(const Json& manifest) {
  auto list = Json::array(
      {descriptor(manifest.at("base").at("file"), manifest.at("base").at("sha256")),
       descriptor("recipe " + manifest.at("recipe").at("name").get<std::string>(), manifest.at("recipe").at("sha256")),
       descriptor("matrix", manifest.at("matrix").at("sha256"))});
  const auto& driver = manifest.at("driver");
  const auto add = [&list](const std::string& kind, const Json& part) {
    list.push_back(descriptor(kind + part.at("name").get<std::string>(), part.at("sha256")));
  };
  if (driver.contains("bundle")) add("", driver.at("bundle"));
  if (driver.contains("extras"))
    for (const auto& extras : driver.at("extras")) add("extra packages ", extras);
  if (driver.contains("built_modules")) add("built modules ", driver.at("built_modules"));
  if (driver.contains("kernel_bundle")) add("", driver.at("kernel_bundle"));
  if (manifest.contains("resigned")) {
    const auto& of = manifest.at("resigned").at("of");
    list.push_back(descriptor("the image before another program changed it", of.at("sha256")));
    list.push_back(descriptor("its manifest", of.at("manifest_sha256")));
  }
  return list;
}

}  // namespace

Json provenance(const Json& manifest, const std::vector<verify::Artifact>& byproducts) {
  const auto& product = manifest.at("product");
  return {{"_type", verify::statement_schema},
          {"subject", Json::array({descriptor(product.at("file"), product.at("sha256"))})},
          {"predicateType", verify::provenance_schema},
          {"predicate",
           {{"buildDefinition",
             {{"buildType", manifest.contains("resigned") ? "urn:bake:resign:v1" : "urn:bake:image:v1"},
              {"externalParameters",
               {{"recipe", manifest.at("recipe").at("name")},
                {"os", manifest.at("os")},
                {"vm_sizes", manifest.at("vm_sizes")},
                {"ofed", manifest.at("driver").at("ofed")},
                {"profile", manifest.at("driver").at("profile")}}},
              {"internalParameters", {{"kernel", manifest.at("kernel")}, {"fit", manifest.at("fit")}}},
              {"resolvedDependencies", dependencies(manifest)}}},
            {"runDetails",
             {{"builder", {{"id", "urn:bake:builder"}, {"version", {{"bake", manifest.at("bake")}}}}},
              {"metadata",
               {{"invocationId", "urn:uuid:" + product.at("uuid").get<std::string>()},
                {"finishedOn", evidence_time(manifest)}}},
              {"byproducts", descriptors(byproducts)}}}}}};
}

}  // namespace bake::evidence
