#include "bake/guest/facts_cbor.hpp"

#include <concepts>
#include <nlohmann/json.hpp>
#include <type_traits>

namespace bake::guest {
namespace {

using Json = nlohmann::json;

template <class S, class T>
concept is = std::same_as<std::remove_const_t<S>, T>;

// One function for each struct calls `visit` with all its members. A structured binding names every member, so that a
// new one does not compile until it is listed here.

void visit_members(is<OsRelease> auto& it, auto visit) {
  auto& [id, version, pretty_name] = it;
  visit(id, version, pretty_name);
}
void visit_members(is<InitramfsContent> auto& it, auto visit) {
  auto& [modules, resolved, has_root] = it;
  visit(modules, resolved, has_root);
}
void visit_members(is<Kernel> auto& it, auto visit) {
  auto& [release, image, initramfs, config, symvers, system_map, builtin_rdma, has_headers, rdma_users, ib_core_users,
         symbol_versions, vermagic, azure_drivers, initramfs_content, initramfs_trouble, module_hash] = it;
  visit(release, image, initramfs, config, symvers, system_map, builtin_rdma, has_headers, rdma_users, ib_core_users,
        symbol_versions, vermagic, azure_drivers, initramfs_content, initramfs_trouble, module_hash);
}
void visit_members(is<InstalledPackage> auto& it, auto visit) {
  auto& [name, version, arch] = it;
  visit(name, version, arch);
}
void visit_members(is<PackageDatabase> auto& it, auto visit) {
  auto& [format, packages, dump, trouble] = it;
  visit(format, packages, dump, trouble);
}
void visit_members(is<SELinux> auto& it, auto visit) {
  auto& [mode, policy, file_contexts, has_setfiles] = it;
  visit(mode, policy, file_contexts, has_setfiles);
}
void visit_members(is<Waagent> auto& it, auto visit) {
  auto& [version, config, enable_rdma, service] = it;
  visit(version, config, enable_rdma, service);
}
void visit_members(is<MountedFileSystem> auto& it, auto visit) {
  auto& [device, type, mount_point, size, free, uuid] = it;
  visit(device, type, mount_point, size, free, uuid);
}
void visit_members(is<Layout> auto& it, auto visit) {
  auto& [partition_table, lvm, efi, mounts, bios_boot] = it;
  visit(partition_table, lvm, efi, mounts, bios_boot);
}
void visit_members(is<SecondMenu> auto& it, auto visit) {
  auto& [generation, path, release, outcome] = it;
  visit(generation, path, release, outcome);
}
void visit_members(is<Account> auto& it, auto visit) {
  auto& [name, uid, home, shell] = it;
  visit(name, uid, home, shell);
}
void visit_members(is<FileStat> auto& it, auto visit) {
  auto& [type, mode, size, uid, gid, links] = it;
  visit(type, mode, size, uid, gid, links);
}
void visit_members(is<ProvisionedUser> auto& it, auto visit) {
  auto& [account, named_by, home, link_above_home] = it;
  visit(account, named_by, home, link_above_home);
}
void visit_members(is<MachineFile> auto& it, auto visit) {
  auto& [path, what, treatment] = it;
  visit(path, what, treatment);
}
void visit_members(is<MachineData> auto& it, auto visit) {
  auto& [kind, paths] = it;
  visit(kind, paths);
}
void visit_members(is<MachineFacts> auto& it, auto visit) {
  auto& [accounts, uid_min, users, host_name, files, data, immutable, unmounted, moved_folders, cloud_init_network] =
      it;
  visit(accounts, uid_min, users, host_name, files, data, immutable, unmounted, moved_folders, cloud_init_network);
}
void visit_members(is<ConfigLink> auto& it, auto visit) {
  auto& [path, target, allowed] = it;
  visit(path, target, allowed);
}
void visit_members(is<Facts> auto& it, auto visit) {
  auto& [os, family, arch, kernels, default_kernel, default_kernel_how, default_kernel_options, default_kernel_warnings,
         second_menu, packages, initramfs_tool, selinux, waagent, layout, programs, package_manager_configs,
         config_links, machine, private_keys, root_uuid, baked_manifest] = it;
  visit(os, family, arch, kernels, default_kernel, default_kernel_how, default_kernel_options, default_kernel_warnings,
        second_menu, packages, initramfs_tool, selinux, waagent, layout, programs, package_manager_configs,
        config_links, machine, private_keys, root_uuid, baked_manifest);
}

// ---- writing: a struct is an array, an optional is an array of no or one element

template <class T>
Json pack(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return static_cast<int>(value);
  } else if constexpr (std::is_arithmetic_v<T> || std::same_as<T, std::string>) {
    return value;
  } else if constexpr (requires { value.has_value(); }) {
    auto array = Json::array();
    if (value) array.push_back(pack(*value));
    return array;
  } else if constexpr (requires { typename T::mapped_type; }) {
    return value;
  } else if constexpr (requires { value.begin(); }) {
    auto array = Json::array();
    for (const auto& item : value) array.push_back(pack(item));
    return array;
  } else {
    auto array = Json::array();
    visit_members(value, [&array](const auto&... members) { (array.push_back(pack(members)), ...); });
    return array;
  }
}

// ---- reading: throws nlohmann::json::exception when a value has another shape

template <class T>
void unpack(const Json& json, T& value) {
  if constexpr (std::is_enum_v<T>) {
    value = static_cast<T>(json.get<int>());
  } else if constexpr (std::is_arithmetic_v<T> || std::same_as<T, std::string>) {
    json.get_to(value);
  } else if constexpr (requires { value.has_value(); }) {
    value.reset();
    if (json.size() != 0) unpack(json.at(0), value.emplace());
  } else if constexpr (requires { typename T::mapped_type; }) {
    json.get_to(value);
  } else if constexpr (requires { value.begin(); }) {
    value.clear();
    for (const auto& item : json) {
      typename T::value_type element{};
      unpack(item, element);
      value.insert(value.end(), std::move(element));
    }
  } else {
    std::size_t next = 0;
    visit_members(value, [&](auto&... members) { (unpack(json.at(next++), members), ...); });
  }
}

}  // namespace

std::string to_cbor(const Facts& facts) {
  std::string bytes;
  Json::to_cbor(pack(facts), bytes);
  return bytes;
}

std::optional<Facts> facts_from_cbor(std::string_view bytes) {
  try {
    Facts facts;
    unpack(Json::from_cbor(bytes), facts);
    return facts;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace bake::guest
