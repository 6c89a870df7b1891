#include "bake/plan/expectations.hpp"

#include "bake/base/error.hpp"

namespace bake::plan {
namespace {

nlohmann::ordered_json to_json(const Privileges& privileges) {
  nlohmann::ordered_json json{{"setuid", privileges.setuid},
                              {"authorized_keys", privileges.authorized_keys},
                              {"root_accounts", privileges.root_accounts},
                              {"open_accounts", privileges.open_accounts}};
  if (privileges.capabilities) json["capabilities"] = *privileges.capabilities;
  return json;
}

Privileges privileges_from(const nlohmann::json& json) {
  Privileges privileges;
  json.at("setuid").get_to(privileges.setuid);
  json.at("authorized_keys").get_to(privileges.authorized_keys);
  json.at("root_accounts").get_to(privileges.root_accounts);
  json.at("open_accounts").get_to(privileges.open_accounts);
  if (json.contains("capabilities")) json.at("capabilities").get_to(privileges.capabilities.emplace());
  return privileges;
}

}  // namespace

nlohmann::ordered_json to_json(const Expectations& expectations) {
  auto users = nlohmann::ordered_json::array();
  for (const auto& user : expectations.removed_users)
    users.push_back({{"name", user.name}, {"uid", user.uid}, {"home", user.home}});
  auto packages = nlohmann::ordered_json::array();
  for (const auto& package : expectations.packages)
    packages.push_back({{"name", package.name}, {"version", package.version}, {"arch", package.arch}});
  nlohmann::ordered_json json{
      {"family", expectations.family == guest::Family::rpm ? "rpm" : "deb"},
      {"ofed", expectations.ofed},
      {"kernel", expectations.kernel},
      {"module", expectations.module},
      {"module_origin", expectations.module_origin},
      {"module_version", expectations.module_version},
      {"services", expectations.services},
      {"services_off", expectations.services_off},
      {"packages", packages},
      {"absent", expectations.absent},
      {"enable_rdma", expectations.enable_rdma},
      {"hold", {{"configs", expectations.hold.configs}, {"packages", expectations.hold.packages}}},
      {"memlock_unlimited", expectations.memlock_unlimited},
      {"network_config", expectations.network_config},
      {"option_files", expectations.option_files},
      {"initramfs", expectations.initramfs},
      {"initramfs_drivers", expectations.initramfs_drivers},
      {"generalized", expectations.generalized},
      {"removed_users", users},
      {"removed_host_name", expectations.removed_host_name},
      {"private_keys", expectations.private_keys},
      {"firstboot_sha256", expectations.firstboot_sha256},
      {"firstboot_strict_rate", expectations.firstboot_strict_rate}};
  if (!expectations.customized.empty()) json["customized"] = to_json(expectations.customized);
  if (expectations.secure_boot) json["secure_boot"] = to_json(*expectations.secure_boot);
  if (expectations.base_privileges) json["base_privileges"] = to_json(*expectations.base_privileges);
  if (expectations.privileges) json["privileges"] = to_json(*expectations.privileges);
  return json;
}

Expectations expectations_from(const nlohmann::json& json) try {
  Expectations expectations;
  expectations.family = json.at("family") == "rpm" ? guest::Family::rpm : guest::Family::deb;
  json.at("ofed").get_to(expectations.ofed);
  json.at("kernel").get_to(expectations.kernel);
  json.at("module").get_to(expectations.module);
  json.at("module_origin").get_to(expectations.module_origin);
  json.at("module_version").get_to(expectations.module_version);
  json.at("services").get_to(expectations.services);
  json.at("services_off").get_to(expectations.services_off);
  for (const auto& package : json.at("packages"))
    expectations.packages.push_back({package.at("name"), package.at("version"), package.at("arch")});
  json.at("absent").get_to(expectations.absent);
  json.at("enable_rdma").get_to(expectations.enable_rdma);
  json.at("hold").at("configs").get_to(expectations.hold.configs);
  json.at("hold").at("packages").get_to(expectations.hold.packages);
  expectations.memlock_unlimited = json.value("memlock_unlimited", false);  // older manifests lack it
  expectations.network_config = json.value("network_config", expectations.network_config);
  expectations.option_files = json.value("option_files", expectations.option_files);  // older manifests lack it
  json.at("initramfs").get_to(expectations.initramfs);
  expectations.initramfs_drivers = json.value("initramfs_drivers", expectations.initramfs_drivers);
  json.at("generalized").get_to(expectations.generalized);
  for (const auto& user : json.value("removed_users", nlohmann::json::array()))
    expectations.removed_users.push_back({user.at("name"), user.at("uid"), user.at("home")});
  expectations.removed_host_name = json.value("removed_host_name", expectations.removed_host_name);
  expectations.private_keys = json.value("private_keys", expectations.private_keys);  // older manifests lack it
  json.at("firstboot_sha256").get_to(expectations.firstboot_sha256);
  expectations.firstboot_strict_rate = json.value("firstboot_strict_rate", false);  // older manifests lack it
  if (json.contains("customized")) expectations.customized = customized_state_from(json.at("customized"));
  if (json.contains("secure_boot")) expectations.secure_boot = secure_boot_state_from(json.at("secure_boot"));
  if (json.contains("base_privileges")) expectations.base_privileges = privileges_from(json.at("base_privileges"));
  if (json.contains("privileges")) expectations.privileges = privileges_from(json.at("privileges"));
  return expectations;
} catch (const nlohmann::json::exception& error) {
  throw Error(ErrorKind::config, std::string("reading the expectations of a manifest: ") + error.what(),
              "another version of bake wrote the manifest");
}

}  // namespace bake::plan
