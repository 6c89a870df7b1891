#include "bake/verify/azure.hpp"

#include <utility>

#include "bake/verify/azure_rules.hpp"

// LISA runs its tests on a started VM (microsoft/lisa at 66df42e2). A rule here checks the same in the files of the
// image; docs/verify.md lists the tests that need a started VM.
#define LISA_STANDARD "microsoft/lisa, lisa/microsoft/testsuites/core/azure_image_standard.py, "
#define LISA_MODULES "microsoft/lisa, lisa/microsoft/testsuites/core/hv_module.py, "
#define LISA_CORE "microsoft/lisa, lisa/microsoft/testsuites/core/"
// Microsoft's checks of the RHEL gallery images (Azure/linux-image-validations at 57fb0b47).
#define PLAYBOOKS "Azure/linux-image-validations, ansible_image_validation/validation-playbooks/"
// What `waagent -deprovision` removes.
#define AGENT_DEPROVISION "Azure/WALinuxAgent, azurelinuxagent/pa/deprovision/default.py, "

namespace bake::verify {

const std::vector<AzureRule>& azure_rules() {
  static const std::vector<AzureRule> rules{
      {"serial console", LISA_STANDARD "verify_serial_console_is_enabled", azure::serial_console},
      {"boot options", LISA_STANDARD "verify_grub", azure::boot_options},
      {"swap", LISA_STANDARD "verify_no_swap_on_osdisk", azure::swap},
      {"Hyper-V modules", LISA_MODULES "verify_hyperv_modules", azure::hyperv_modules},
      {"initramfs drivers",
       LISA_MODULES "verify_initrd_modules; " PLAYBOOKS "per-vm-validation.yaml, initramfs, nvme and pci",
       azure::initramfs_drivers},
      {"kernel config", LISA_STANDARD "verify_essential_kernel_modules", azure::kernel_config},
      {"floppy", LISA_CORE "floppy.py, verify_floppy_module_is_blacklisted", azure::floppy},
      {"blacklist", PLAYBOOKS "blacklisted_drivers_validation.yaml", azure::blacklist},
      {"partitions", "libguestfs/guestfs-tools, virt-alignment-scan(1); no validator of Azure checks it",
       azure::partition_alignment},
      {"agent service", "Azure/linux-image-validations, README.md, WALinuxAgent availability", azure::agent_service},
      {"agent version", LISA_STANDARD "verify_waagent_version", azure::agent_version},
      {"provisioning", PLAYBOOKS "per-vm-validation.yaml, cloud-init is installed", azure::provisioning},
      {"KVP daemon",
       LISA_CORE "kvp.py, verify_kvp; Azure/WALinuxAgent, azurelinuxagent/pa/rdma/rdma.py, read_ipoib_data",
       azure::kvp_daemon},
      {"sshd", LISA_STANDARD "verify_client_active_interval", azure::client_alive_interval},
      {"networking", LISA_STANDARD "verify_network_file_configuration", azure::networking},
      {"DHCP", LISA_STANDARD "verify_ifcfg_eth0", azure::dhcp},
      {"DHCP timeout", LISA_CORE "dhcp.py, verify_dhcp_client_timeout", azure::dhcp_timeout},
      {"udev rules", LISA_STANDARD "verify_udev_rules_moved", azure::udev_rules},
      {"unmanaged VFs",
       PLAYBOOKS "per-vm-validation.yaml, Accelerated Networking; osbuild/images, data/distrodefs/rhel-10",
       azure::unmanaged_functions},
      {"sudoers", LISA_STANDARD "verify_default_targetpw", azure::targetpw},
      {"passwords", LISA_STANDARD "verify_no_pre_exist_users", azure::passwords},
      {"ssh keys", LISA_STANDARD "verify_no_pre_exist_users", azure::ssh_keys},
      {"users", PLAYBOOKS "per-vm-validation.yaml, number of users", azure::other_users},
      {"shell history", LISA_STANDARD "verify_bash_history_is_empty", azure::shell_history},
      {"host keys", AGENT_DEPROVISION "regen_ssh_host_key; no validator of Azure checks it", azure::host_keys},
      {"hosts", AGENT_DEPROVISION "reset_hostname; machine-id(5); no validator of Azure checks it", azure::hosts},
      {"repositories", LISA_STANDARD "verify_repository_installed", azure::repositories},
      {"RHUI client", PLAYBOOKS "per-vm-validation.yaml, Rhui client package", azure::rhui},
      {"disk encryption", PLAYBOOKS "ade_packages_validation.yaml", azure::disk_encryption_packages},
      {"OMI", LISA_STANDARD "verify_omi_version", azure::omi},
      {"OpenSSL", LISA_STANDARD "verify_openssl_version", azure::openssl},
      {"architecture", LISA_STANDARD "verify_azure_64bit_os", azure::architecture},
  };
  return rules;
}

std::vector<Check> verify_azure(guest::Guest& guest, const guest::Facts& facts) {
  std::vector<Check> checks;
  for (const auto& rule : azure_rules()) {
    auto finding = rule.check({guest, facts});
    Check check(rule.rule, finding.status, std::move(finding.evidence));
    check.level = Level::advice;
    check.source = rule.source;
    check.remedy = std::move(finding.remedy);
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace bake::verify
