#include "bake/bundle/bundle_json.hpp"

#include <fmt/format.h>
#include <utility>

namespace bake::bundle {
namespace {

constexpr int store_format = 1;

std::string_view name_of(PackageFormat format) { return format == PackageFormat::rpm ? "rpm" : "deb"; }

PackageFormat format_of(const std::string& name) {
  if (name != "rpm" && name != "deb") throw std::runtime_error("unknown package format '" + name + "'");
  return name == "rpm" ? PackageFormat::rpm : PackageFormat::deb;
}

Json to_json(const guest::ModuleFacts& module) {
  Json json{{"name", module.name},         {"path", module.path},       {"version", module.version},
            {"vermagic", module.vermagic}, {"imports", module.imports}, {"exports", module.exports}};
  if (!module.signer.empty()) json["signer"] = module.signer;
  return json;
}

guest::ModuleFacts module_from(const Json& json) {
  guest::ModuleFacts module;
  json.at("name").get_to(module.name);
  json.at("path").get_to(module.path);
  json.at("version").get_to(module.version);
  json.at("vermagic").get_to(module.vermagic);
  module.imports = json.at("imports").get<std::map<std::string, std::uint32_t>>();
  module.exports = json.at("exports").get<std::map<std::string, std::uint32_t>>();
  module.signer = json.value("signer", "");  // older stores lack it
  return module;
}

Json to_json(const BundlePackage& package) {
  Json json{{"name", package.name},    {"version", package.version}, {"arch", package.arch},
            {"file", package.file},    {"size", package.size},       {"installed_size", package.installed_size},
            {"sha256", package.sha256}};
  if (!package.built_kernel.empty()) json["built_kernel"] = package.built_kernel;
  if (package.dkms_source) json["dkms_source"] = true;
  if (!package.dkms_modules.empty()) json["dkms_modules"] = package.dkms_modules;
  for (const auto& module : package.modules) json["modules"].push_back(to_json(module));
  return json;
}

BundlePackage package_from(const Json& json) {
  BundlePackage package;
  json.at("name").get_to(package.name);
  json.at("version").get_to(package.version);
  json.at("arch").get_to(package.arch);
  json.at("file").get_to(package.file);
  json.at("size").get_to(package.size);
  json.at("installed_size").get_to(package.installed_size);
  json.at("sha256").get_to(package.sha256);
  package.built_kernel = json.value("built_kernel", "");
  package.dkms_source = json.value("dkms_source", false);
  package.dkms_modules = json.value("dkms_modules", package.dkms_modules);  // older stores lack it
  for (const auto& module : json.value("modules", Json::array())) package.modules.push_back(module_from(module));
  return package;
}

Json to_json(const Repository& repository) {
  Json json{{"flavour", repository.flavour},
            {"directory", repository.directory},
            {"indexed", repository.indexed},
            {"packages", Json::array()}};
  if (!repository.index_sha256.empty()) json["index_sha256"] = repository.index_sha256;
  for (const auto& package : repository.packages) json["packages"].push_back(to_json(package));
  return json;
}

Repository repository_from(const Json& json) {
  Repository repository;
  json.at("flavour").get_to(repository.flavour);
  json.at("directory").get_to(repository.directory);
  json.at("indexed").get_to(repository.indexed);
  repository.index_sha256 = json.value("index_sha256", "");  // older stores have none
  for (const auto& package : json.at("packages")) repository.packages.push_back(package_from(package));
  return repository;
}

Json to_json(const signature::SignatureResult& signature) {
  Json json{{"state", name_of(signature.state)}};
  if (!signature.key_id.empty()) json["key_id"] = signature.key_id;
  if (!signature.fingerprint.empty()) json["fingerprint"] = signature.fingerprint;
  if (!signature.user_id.empty()) json["user_id"] = signature.user_id;
  if (!signature.algorithms.empty()) json["algorithms"] = signature.algorithms;
  if (!signature.weak.empty()) json["weak"] = signature.weak;
  if (!signature.reason.empty()) json["reason"] = signature.reason;
  return json;
}

Json to_json(const DocaRelease& release) {
  return {{"family", release.family},   {"version", release.version}, {"build", release.build},
          {"release", release.release}, {"ofed", release.ofed},       {"kernel", release.kernel}};
}

DocaRelease release_from(const Json& json) {
  DocaRelease release;
  json.at("family").get_to(release.family);
  json.at("version").get_to(release.version);
  json.at("build").get_to(release.build);
  json.at("release").get_to(release.release);
  json.at("ofed").get_to(release.ofed);
  json.at("kernel").get_to(release.kernel);
  return release;
}

/// Runs `read` and turns every exception of the JSON library into an Error.
template <typename Read>
auto guarded(const std::string& text, const std::filesystem::path& file, Read read) {
  try {
    const auto json = Json::parse(text);
    if (json.at("format").get<int>() != store_format) throw std::runtime_error("written by another version of bake");
    return read(json);
  } catch (const std::exception& error) {
    throw Error(ErrorKind::failed, fmt::format("reading '{}': {}", file.string(), error.what()),
                "remove that directory from the store and add the bundle again");
  }
}

}  // namespace

std::string dump(const Json& json) { return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json to_json(const Trust& trust) {
  Json json{{"archive_sha256", trust.archive_sha256},
            {"pin", trust.pin},
            {"signer", trust.signer},
            {"weak", trust.weak},
            {"overridden", trust.overridden}};
  if (trust.from_directory) json["from_directory"] = true;
  return json;
}

Json identity_json(const Bundle& bundle) {
  return {{"name", bundle.name}, {"version", bundle.version}, {"distro", bundle.distro},
          {"arch", bundle.arch}, {"layout", bundle.layout},   {"rebuilt", bundle.rebuilt}};
}

Json to_json(const Bundle& bundle) {
  Json json{{"format", store_format}};
  json.update(identity_json(bundle));
  json["package_format"] = name_of(bundle.format);
  json["trust"] = to_json(bundle.trust);
  json["payload"] = {{"sha256", bundle.payload_sha256}, {"size", bundle.payload_size}};
  json["repositories"] = Json::array();
  if (bundle.doca) json["doca"] = to_json(*bundle.doca);
  for (const auto& repository : bundle.repositories) json["repositories"].push_back(to_json(repository));
  return json;
}

Bundle bundle_from_json(const std::string& text, const std::filesystem::path& file) {
  return guarded(text, file, [](const Json& json) {
    Bundle bundle;
    json.at("name").get_to(bundle.name);
    json.at("version").get_to(bundle.version);
    json.at("distro").get_to(bundle.distro);
    json.at("arch").get_to(bundle.arch);
    json.at("layout").get_to(bundle.layout);
    json.at("rebuilt").get_to(bundle.rebuilt);
    if (json.contains("doca")) bundle.doca = release_from(json["doca"]);
    bundle.format = format_of(json.at("package_format").get<std::string>());
    const auto& trust = json.at("trust");
    trust.at("archive_sha256").get_to(bundle.trust.archive_sha256);
    bundle.trust.from_directory = trust.value("from_directory", false);
    trust.at("pin").get_to(bundle.trust.pin);
    trust.at("signer").get_to(bundle.trust.signer);
    trust.at("weak").get_to(bundle.trust.weak);
    trust.at("overridden").get_to(bundle.trust.overridden);
    json.at("payload").at("sha256").get_to(bundle.payload_sha256);
    json.at("payload").at("size").get_to(bundle.payload_size);
    for (const auto& repository : json.at("repositories")) bundle.repositories.push_back(repository_from(repository));
    return bundle;
  });
}

Json to_json(const Extras& extras) {
  return {{"format", store_format},
          {"id", extras.id},
          {"name", extras.name},
          {"distro", extras.distro},
          {"trust", {{"signer", extras.signer}, {"weak", extras.weak}}},
          {"package_format", name_of(extras.format)},
          {"payload", {{"sha256", extras.payload_sha256}, {"size", extras.payload_size}}},
          {"repository", to_json(extras.repository)}};
}

Extras extras_from_json(const std::string& text, const std::filesystem::path& file) {
  return guarded(text, file, [](const Json& json) {
    Extras extras;
    json.at("id").get_to(extras.id);
    json.at("name").get_to(extras.name);
    json.at("distro").get_to(extras.distro);
    if (json.contains("trust")) {  // older stores have none
      json["trust"].at("signer").get_to(extras.signer);
      json["trust"].at("weak").get_to(extras.weak);
    }
    extras.format = format_of(json.at("package_format").get<std::string>());
    json.at("payload").at("sha256").get_to(extras.payload_sha256);
    json.at("payload").at("size").get_to(extras.payload_size);
    extras.repository = repository_from(json.at("repository"));
    return extras;
  });
}

Json to_json(const Report& report) {
  Json json{{"archive_sha256", report.archive_sha256},
            {"pin", report.pin},
            {"indexes", Json::array()},
            {"packages", Json::array()}};
  if (report.from_directory) json["from_directory"] = true;
  if (!report.weak.empty()) json["weak"] = report.weak;
  if (report.declares_trust) json["declares_trust"] = true;
  for (const auto& key : report.shipped_keys)
    json["shipped_keys"].push_back({{"file", key.file}, {"fingerprint", key.fingerprint}, {"user_id", key.user_id}});
  for (const auto& index : report.indexes)
    json["indexes"].push_back({{"file", index.file}, {"signature", to_json(index.signature)}});
  for (const auto& package : report.packages) {
    Json entry{{"file", package.file}, {"verdict", name_of(package.verdict)}};
    if (!package.algorithm.empty()) entry["algorithm"] = package.algorithm;
    if (!package.detail.empty()) entry["detail"] = package.detail;
    if (package.signature.state != signature::SignatureState::absent) {
      entry["signature"] = to_json(package.signature);
      entry["payload_signed"] = package.payload_signed;
    }
    json["packages"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace bake::bundle
