#pragma once

#include <string>
#include <utility>

#include "bake/verify/azure.hpp"

/// The functions of the table in azure.cpp, one for each rule.
namespace bake::verify::azure {

inline Finding passed(std::string evidence) { return {Status::passed, std::move(evidence)}; }
inline Finding skipped(std::string reason) { return {Status::skipped, std::move(reason)}; }
inline Finding failed(std::string evidence, std::string remedy) {
  return {Status::failed, std::move(evidence), std::move(remedy)};
}

/// "8" of "8.10"
inline std::string major_of(const guest::OsRelease& os) { return os.version.substr(0, os.version.find('.')); }

// azure_boot.cpp: the kernel, its command line, its modules and the disk.
Finding serial_console(const Subject& subject);
Finding boot_options(const Subject& subject);
Finding swap(const Subject& subject);
Finding hyperv_modules(const Subject& subject);
Finding initramfs_drivers(const Subject& subject);
Finding kernel_config(const Subject& subject);
Finding floppy(const Subject& subject);
Finding blacklist(const Subject& subject);
Finding partition_alignment(const Subject& subject);

// azure_services.cpp: the agent, provisioning, sshd and the network.
Finding agent_service(const Subject& subject);
Finding agent_version(const Subject& subject);
Finding provisioning(const Subject& subject);
Finding kvp_daemon(const Subject& subject);
Finding client_alive_interval(const Subject& subject);
Finding networking(const Subject& subject);
Finding dhcp(const Subject& subject);
Finding dhcp_timeout(const Subject& subject);
Finding udev_rules(const Subject& subject);
Finding unmanaged_functions(const Subject& subject);

// azure_content.cpp: accounts, what belongs to one machine, and packages.
Finding targetpw(const Subject& subject);
Finding passwords(const Subject& subject);
Finding ssh_keys(const Subject& subject);
Finding other_users(const Subject& subject);
Finding shell_history(const Subject& subject);
Finding host_keys(const Subject& subject);
Finding hosts(const Subject& subject);
Finding repositories(const Subject& subject);
Finding rhui(const Subject& subject);
Finding disk_encryption_packages(const Subject& subject);
Finding omi(const Subject& subject);
Finding openssl(const Subject& subject);
Finding architecture(const Subject& subject);

}  // namespace bake::verify::azure
