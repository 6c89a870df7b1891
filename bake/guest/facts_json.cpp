#include "bake/guest/facts_json.hpp"

namespace bake::guest {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<std::string>& value) { return value ? Json(*value) : Json(nullptr); }

std::string_view name_of(InitramfsTool tool) {
  switch (tool) {
    case InitramfsTool::dracut:
      return "dracut";
    case InitramfsTool::initramfs_tools:
      return "initramfs-tools";
    case InitramfsTool::none:
      break;
  }
  return "none";
}

Json kernel_json(const Kernel& kernel) {
  return {{"release", kernel.release},
          {"image", kernel.image},
          {"initramfs", or_null(kernel.initramfs)},
          {"config", or_null(kernel.config)},
          {"symvers", or_null(kernel.symvers)},
          {"system_map", or_null(kernel.system_map)},
          {"builtin_rdma", kernel.builtin_rdma},
          {"has_headers", kernel.has_headers},
          {"rdma_users", kernel.rdma_users},
          {"azure_drivers", kernel.azure_drivers},
          {"ib_core_users", kernel.ib_core_users},
          {"module_hash", kernel.module_hash}};
}

Json packages_json(const PackageDatabase& database) {
  Json packages = Json::array();
  for (const auto& package : database.packages)
    packages.push_back({{"name", package.name}, {"version", package.version}, {"arch", package.arch}});
  return {{"format", database.format}, {"trouble", database.trouble}, {"installed", std::move(packages)}};
}

Json waagent_json(const std::optional<Waagent>& agent) {
  if (!agent) return nullptr;
  return {{"version", agent->version},
          {"config", agent->config},
          {"enable_rdma", agent->enable_rdma},
          {"service", agent->service}};
}

Json layout_json(const Layout& layout) {
  Json mounts = Json::array();
  for (const auto& mount : layout.mounts)
    mounts.push_back({{"mount_point", mount.mount_point},
                      {"device", mount.device},
                      {"type", mount.type},
                      {"uuid", mount.uuid},
                      {"size", mount.size},
                      {"free", mount.free}});
  return {{"partition_table", layout.partition_table},
          {"lvm", layout.lvm},
          {"efi", layout.efi},
          {"bios_boot", layout.bios_boot},
          {"mounts", std::move(mounts)}};
}

std::string_view name_of(MachineFile::Treatment treatment) {
  switch (treatment) {
    case MachineFile::Treatment::edit:
      return "edit";
    case MachineFile::Treatment::remove:
      return "remove";
    case MachineFile::Treatment::blocked:
      break;
  }
  return "blocked";
}

Json machine_json(const MachineFacts& machine) {
  auto users = Json::array();
  for (const auto& user : machine.users)
    users.push_back({{"name", user.account.name},
                     {"uid", user.account.uid},
                     {"home", user.account.home},
                     {"named_by", user.named_by}});
  auto files = Json::array();
  for (const auto& file : machine.files)
    files.push_back({{"path", file.path}, {"what", file.what}, {"treatment", name_of(file.treatment)}});
  auto data = Json::object();
  for (const auto& found : machine.data) data[found.kind] = found.paths;
  return {{"users", std::move(users)},
          {"host_name", machine.host_name},
          {"files", std::move(files)},
          {"data", std::move(data)},
          {"immutable", machine.immutable},
          {"unmounted", machine.unmounted},
          {"moved_folders", machine.moved_folders},
          {"cloud_init_network", machine.cloud_init_network}};
}

}  // namespace

Json to_json(const Facts& facts) {
  Json kernels = Json::array();
  for (const auto& kernel : facts.kernels) kernels.push_back(kernel_json(kernel));
  return {{"os", {{"id", facts.os.id}, {"version", facts.os.version}, {"pretty_name", facts.os.pretty_name}}},
          {"family", facts.family == Family::deb ? "deb" : "rpm"},
          {"arch", facts.arch},
          {"default_kernel", facts.default_kernel},
          {"default_kernel_how", facts.default_kernel_how},
          {"default_kernel_options", facts.default_kernel_options},
          {"default_kernel_warnings", facts.default_kernel_warnings},
          {"kernels", std::move(kernels)},
          {"initramfs_tool", name_of(facts.initramfs_tool)},
          {"selinux",
           {{"mode", facts.selinux.mode},
            {"policy", facts.selinux.policy},
            {"file_contexts", facts.selinux.file_contexts},
            {"has_setfiles", facts.selinux.has_setfiles}}},
          {"waagent", waagent_json(facts.waagent)},
          {"layout", layout_json(facts.layout)},
          {"machine", machine_json(facts.machine)},
          {"private_keys", facts.private_keys},
          {"root_uuid", facts.root_uuid},
          {"programs", facts.programs},
          {"package_manager_configs", facts.package_manager_configs},
          {"baked_manifest", or_null(facts.baked_manifest)},
          {"packages", packages_json(facts.packages)}};
}

}  // namespace bake::guest
