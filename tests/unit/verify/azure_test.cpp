// Every rule of Azure's image validators on a guest that keeps it, on one that does not, and on one without the thing.
#include "bake/verify/azure.hpp"

#include <gtest/gtest.h>
#include <set>

#include "bake/base/file.hpp"
#include "bake/guest/memory.hpp"

namespace bake::verify {
namespace {

constexpr const char* kernel = "4.18.0-305.el8.x86_64";
const std::string modules = std::string("/lib/modules/") + kernel + "/";

class AzureRules : public ::testing::Test {
 protected:
  AzureRules() {
    facts.family = guest::Family::rpm;
    facts.os = {"centos", "8.4", ""};
    facts.arch = "x86_64";
    facts.default_kernel = kernel;
    facts.kernels = {{kernel, "/boot/vmlinuz", "/boot/initramfs.img", "/boot/config", {}, {}, {}, false}};
  }

  /// "passed: evidence", "failed: evidence" or "skipped: reason" of one rule.
  std::string result(const std::string& rule) {
    for (const auto& entry : azure_rules()) {
      if (rule != entry.rule) continue;
      const auto finding = entry.check({guest, facts});
      EXPECT_EQ(finding.remedy.empty(), finding.status != Status::failed)
          << rule << ": only a failed rule has a remedy";
      return std::string(name_of(finding.status)) + ": " + finding.evidence;
    }
    return "no rule " + rule;
  }

  void install(const std::string& name, const std::string& version) {
    facts.packages.packages.push_back({name, version, "x86_64"});
  }

  /// Makes the guest Ubuntu.
  void use_ubuntu() {
    facts.family = guest::Family::deb;
    facts.os = {"ubuntu", "20.04", ""};
  }

  guest::MemoryGuest guest;
  guest::Facts facts;
};

TEST_F(AzureRules, HaveOneNameAndOneSourceEach) {
  std::set<std::string> names;
  for (const auto& rule : azure_rules()) {
    EXPECT_TRUE(names.insert(rule.rule).second) << rule.rule;
    EXPECT_NE(std::string(rule.source), "") << rule.rule;
  }
}

TEST_F(AzureRules, AreListedInTheDocumentation) {
  const auto page = read_text(std::string(SOURCE_DIR) + "/docs/verify.md");
  for (const auto& rule : azure_rules())
    EXPECT_NE(page.find(std::string("| ") + rule.rule + " |"), std::string::npos) << rule.rule;
}

TEST_F(AzureRules, GiveAdvice) {
  for (const auto& check : verify_azure(guest, facts)) {
    EXPECT_EQ(check.level, Level::advice) << check.rule;
    EXPECT_FALSE(check.failed()) << check.rule;
    EXPECT_NE(check.source, "") << check.rule;
  }
}

TEST_F(AzureRules, SerialConsole) {
  EXPECT_EQ(result("serial console"), "skipped: the command line of the default kernel is not known");
  facts.default_kernel_options = "root=UUID=1 ro console=tty1 console=ttyS0,115200n8 earlyprintk=ttyS0";
  EXPECT_EQ(result("serial console"), "passed: console=ttyS0,115200n8");
  facts.default_kernel_options = "root=UUID=1 ro console=ttyS01 quiet";
  EXPECT_EQ(result("serial console"), "failed: console=ttyS0 is not on the command line of 4.18.0-305.el8.x86_64");
  facts.default_kernel_options = "$kernelopts";
  EXPECT_EQ(result("serial console"), "skipped: the command line has a variable: $kernelopts");
  facts.arch = "aarch64";
  facts.default_kernel_options = "console=ttyAMA0";
  EXPECT_EQ(result("serial console"), "passed: console=ttyAMA0");
}

TEST_F(AzureRules, BootOptions) {
  EXPECT_EQ(result("boot options"), "skipped: the command line of the default kernel is not known");
  facts.default_kernel_options = "ro quiet";
  EXPECT_EQ(result("boot options"), "passed: no option that hides the CD-ROM with the provisioning data");
  facts.default_kernel_options = "ro libata.atapi_enabled=0 reserve=0x1f0,0x8";
  EXPECT_EQ(result("boot options"), "failed: libata.atapi_enabled=0 reserve=0x1f0,0x8 on the command line");
}

TEST_F(AzureRules, Swap) {
  EXPECT_EQ(result("swap"), "skipped: there is no /etc/fstab");
  guest.with_file("/etc/fstab",
                  "UUID=1 / xfs defaults 0 0\n# /dev/sda3 none swap sw 0 0\n/mnt/resource/swapfile none swap sw 0 0\n"
                  "/dev/zram0 none swap sw 0 0\n/dev/sdz1 none swap sw,noauto 0 0\n");
  EXPECT_EQ(result("swap"), "passed: /etc/fstab has no swap on the OS disk");
  guest.with_file("/etc/fstab", "/dev/mapper/rootvg-swaplv swap swap defaults 0 0\n/swapfile none swap sw 0 0\n");
  EXPECT_EQ(result("swap"), "failed: /etc/fstab has swap on the OS disk: /dev/mapper/rootvg-swaplv, /swapfile");
}

TEST_F(AzureRules, HyperVModules) {
  EXPECT_EQ(result("Hyper-V modules"), "skipped: the default kernel has no modules.dep");
  guest.with_file(modules + "modules.dep",
                  "kernel/drivers/hv/hv_utils.ko.xz: kernel/drivers/hv/hv_vmbus.ko.xz\n"
                  "kernel/drivers/hv/hv_balloon.ko.xz:\nkernel/drivers/net/hyperv/hv_netvsc.ko.xz:\n"
                  "kernel/drivers/scsi/hv_storvsc.ko.xz:\nkernel/drivers/video/fbdev/hyperv_fb.ko.xz:\n");
  EXPECT_EQ(result("Hyper-V modules"), "failed: 4.18.0-305.el8.x86_64 has no hv_vmbus, hyperv_keyboard");
  guest.with_file(modules + "modules.builtin",
                  "kernel/drivers/hv/hv_vmbus.ko\nkernel/drivers/input/serio/hyperv-keyboard.ko\n");
  EXPECT_EQ(result("Hyper-V modules"), "passed: 4.18.0-305.el8.x86_64 has all of them, built in or as modules");
}

TEST_F(AzureRules, InitramfsDrivers) {
  EXPECT_EQ(result("initramfs drivers"), "skipped: the default kernel has no modules.dep");
  guest.with_file(modules + "modules.dep",
                  "kernel/hv_vmbus.ko.xz:\nkernel/hv_storvsc.ko.xz:\nkernel/hyperv-keyboard.ko.xz:\n"
                  "kernel/nvme.ko.xz:\n");
  guest.with_file(modules + "modules.builtin", "kernel/hv_netvsc.ko\n");
  facts.kernels[0].initramfs_trouble = "it is damaged";
  EXPECT_EQ(result("initramfs drivers"), "skipped: the initramfs is not known: it is damaged");
  auto& content = facts.kernels[0].initramfs_content.emplace();
  content.modules = {"lib/modules/k/hv_vmbus.ko.xz", "lib/modules/k/hv_storvsc.ko"};
  EXPECT_EQ(result("initramfs drivers"), "failed: /boot/initramfs.img has no hyperv_keyboard, nvme");
  content.modules.insert(content.modules.end(), {"lib/modules/k/hyperv-keyboard.ko.xz", "lib/modules/k/nvme.ko.zst"});
  EXPECT_EQ(result("initramfs drivers"), "passed: /boot/initramfs.img has every driver that is a module");
}

TEST_F(AzureRules, AMissingInitramfsFails) {
  facts.kernels[0].initramfs.reset();
  EXPECT_EQ(result("initramfs drivers"), "failed: there is no initramfs for 4.18.0-305.el8.x86_64");
  facts.default_kernel.clear();
  EXPECT_EQ(result("initramfs drivers"), "skipped: the default kernel is not known");
}

TEST_F(AzureRules, KernelConfig) {
  EXPECT_EQ(result("kernel config"), "skipped: the default kernel has no configuration file");
  guest.with_file("/boot/config", "CONFIG_WATCHDOG=y\nCONFIG_CIFS=m\n");
  EXPECT_EQ(result("kernel config"), "passed: CONFIG_WATCHDOG and CONFIG_CIFS are set");
  guest.with_file("/boot/config", "CONFIG_WATCHDOG_CORE=y\n# CONFIG_CIFS is not set\n");
  EXPECT_EQ(result("kernel config"), "failed: /boot/config does not set CONFIG_WATCHDOG and CONFIG_CIFS");
}

TEST_F(AzureRules, Floppy) {
  EXPECT_EQ(result("floppy"), "skipped: the default kernel has no modules.dep");
  guest.with_file(modules + "modules.dep", "kernel/fs/ext4.ko:\n");
  EXPECT_EQ(result("floppy"), "passed: the kernel has no floppy driver");
  guest.with_file(modules + "modules.dep", "kernel/drivers/block/floppy.ko.xz:\n");
  EXPECT_EQ(result("floppy"), "failed: the floppy driver can be loaded");
  guest.with_file("/etc/modprobe.d/azure.conf", "# blacklist x\nblacklist floppy\n");
  EXPECT_EQ(result("floppy"), "passed: the floppy driver is blacklisted");
  facts.os.version = "7.7";
  EXPECT_EQ(result("floppy"), "skipped: LISA does not check CentOS before 7.8");
}

TEST_F(AzureRules, Blacklist) {
  guest.with_file("/etc/modprobe.d/gpu.conf", "blacklist nouveau\nblacklist lbm-nouveau\ninstall amdgpu /bin/true\n")
      .with_file("/lib/modprobe.d/dist.conf", "blacklist floppy\nblacklist skx_edac\nblacklist intel_cstate\n")
      .with_file("/etc/modprobe.d/old.conf.rpmsave", "blacklist acpi_cpufreq\n");
  EXPECT_EQ(result("blacklist"), "failed: not blacklisted: intel_uncore, acpi_cpufreq");
  guest.with_file("/etc/modprobe.d/more.conf", "blacklist intel_uncore\nblacklist acpi_cpufreq\n");
  EXPECT_EQ(result("blacklist"), "passed: the drivers that Microsoft names are blacklisted");
  use_ubuntu();
  EXPECT_EQ(result("blacklist"), "skipped: Microsoft checks it on RHEL's family only");
}

TEST_F(AzureRules, Partitions) {
  EXPECT_EQ(result("partitions"), "skipped: the starts of the partitions are not known");
  std::string starts;
  guest.with_handler([&](const std::string& script) -> std::optional<guest::ShellResult> {
    return script.find("/sys/block") == std::string::npos ? std::nullopt : std::optional(guest::ShellResult{0, starts});
  });
  starts = "sda1 2048 1024000\nsda2 1026049 2\nsda5 1026048 1024000\n";
  EXPECT_EQ(result("partitions"), "passed: 2 partitions start at whole MiB");
  starts = "sda1 63 1024000\nsda2 1026048 1024000\n";
  EXPECT_EQ(result("partitions"), "failed: not at a whole MiB: sda1 at sector 63");
}

TEST_F(AzureRules, AgentService) {
  EXPECT_EQ(result("agent service"), "failed: the image has no Azure Linux agent");
  facts.waagent = guest::Waagent{"2.2.46", "/etc/waagent.conf", false, ""};
  EXPECT_EQ(result("agent service"), "skipped: the service of the agent is not known");
  facts.waagent->service = "waagent.service";
  EXPECT_EQ(result("agent service"), "failed: waagent.service is not enabled");
  guest.with_link("/etc/systemd/system/multi-user.target.wants/waagent.service",
                  "/usr/lib/systemd/system/waagent.service");
  EXPECT_EQ(result("agent service"), "passed: waagent.service is enabled");
}

TEST_F(AzureRules, AgentVersion) {
  EXPECT_EQ(result("agent version"), "skipped: the image has no Azure Linux agent");
  facts.waagent = guest::Waagent{"", "/etc/waagent.conf", false, "waagent.service"};
  EXPECT_EQ(result("agent version"), "skipped: the version of the agent is not known");
  facts.waagent->version = "2.2.53.1";
  EXPECT_EQ(result("agent version"), "passed: 2.2.53.1");
  facts.waagent->version = "2.2.46";
  EXPECT_EQ(result("agent version"), "passed: 2.2.46 is older than 2.2.53.1; it updates itself on the VM");
  guest.with_file("/etc/waagent.conf", "AutoUpdate.Enabled=n\n");
  EXPECT_EQ(result("agent version"), "failed: 2.2.46 is older than 2.2.53.1, and AutoUpdate.Enabled=n");
}

TEST_F(AzureRules, Provisioning) {
  EXPECT_EQ(result("provisioning"), "failed: the image has neither cloud-init nor the Azure Linux agent");
  facts.waagent = guest::Waagent{"2.2.53.1", "/etc/waagent.conf", false, "waagent.service"};
  EXPECT_EQ(result("provisioning"), "passed: no cloud-init; the agent provisions the VM");
  guest.with_file("/etc/waagent.conf", "Provisioning.Agent=disabled\n");
  EXPECT_EQ(result("provisioning"), "failed: the image has no cloud-init, and the agent's provisioning is off");
  install("cloud-init", "22.1-1.el8");
  EXPECT_EQ(result("provisioning"), "passed: cloud-init 22.1-1.el8");
}

TEST_F(AzureRules, KvpDaemon) {
  EXPECT_EQ(result("KVP daemon"), "failed: the image has no KVP daemon");
  guest.with_link("/etc/systemd/system/hypervkvpd.service", "/dev/null")
      .with_file("/usr/lib/systemd/system/hypervkvpd.service");
  EXPECT_EQ(result("KVP daemon"), "failed: hypervkvpd.service is masked");
  guest.remove("/etc/systemd/system/hypervkvpd.service");
  EXPECT_EQ(result("KVP daemon"), "passed: /usr/lib/systemd/system/hypervkvpd.service");
}

TEST_F(AzureRules, KvpDaemonOfUbuntuBelongsToTheKernel) {
  use_ubuntu();
  guest.with_file("/lib/systemd/system/hv-kvp-daemon.service");
  EXPECT_EQ(result("KVP daemon"), "passed: /lib/systemd/system/hv-kvp-daemon.service");
  install("linux-cloud-tools-common", "5.4.0-100.113");
  EXPECT_EQ(result("KVP daemon"), std::string("failed: linux-cloud-tools-") + kernel + " is not installed");
  install(std::string("linux-cloud-tools-") + kernel, "5.4.0-100.113");
  EXPECT_EQ(result("KVP daemon"), "passed: /lib/systemd/system/hv-kvp-daemon.service");
}

TEST_F(AzureRules, Sshd) {
  EXPECT_EQ(result("sshd"), "skipped: there is no /etc/ssh/sshd_config");
  guest.with_file("/etc/ssh/sshd_config",
                  "Port 22\n#ClientAliveInterval 180\nMatch User a\n  ClientAliveInterval 60\n");
  EXPECT_EQ(result("sshd"), "failed: ClientAliveInterval is not set");
  guest.with_file("/etc/ssh/sshd_config", "ClientAliveInterval 0\n");
  EXPECT_EQ(result("sshd"), "failed: ClientAliveInterval is 0; Azure accepts 1 to 235 s");
  guest.with_file("/etc/ssh/sshd_config", "clientaliveinterval=235 # note\nClientAliveInterval 0\n");
  EXPECT_EQ(result("sshd"), "passed: ClientAliveInterval 235");
  guest.with_file("/etc/ssh/sshd_config", "ClientAliveInterval 236\n");
  EXPECT_EQ(result("sshd"), "failed: ClientAliveInterval is 236; Azure accepts 1 to 235 s");
  guest.with_file("/etc/ssh/sshd_config", "ClientAliveInterval 3m30s\n");
  EXPECT_EQ(result("sshd"), "passed: ClientAliveInterval 3m30s");
  guest.with_file("/etc/ssh/sshd_config", "ClientAliveInterval 4m\n");
  EXPECT_EQ(result("sshd"), "failed: ClientAliveInterval is 4m; Azure accepts 1 to 235 s");
}

TEST_F(AzureRules, SshdReadsIncludedFilesInTheirPlace) {
  guest.with_file("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nClientAliveInterval 0\n")
      .with_file("/etc/ssh/sshd_config.d/50-cloudimg-settings.conf", "ClientAliveInterval 120\n")
      .with_file("/etc/ssh/sshd_config.d/60-later.conf", "ClientAliveInterval 900\n")
      .with_file("/etc/ssh/sshd_config.d/10-note.txt", "ClientAliveInterval 900\n");
  EXPECT_EQ(result("sshd"), "passed: ClientAliveInterval 120");
  guest.with_file("/etc/ssh/sshd_config", "Include sshd_config.d/*.conf\n");
  EXPECT_EQ(result("sshd"), "passed: ClientAliveInterval 120");
}

TEST_F(AzureRules, SshdStopsAtAFileThatIncludesItself) {
  guest.with_file("/etc/ssh/sshd_config", "Include sshd_config sshd_config\nClientAliveInterval 120\n");
  EXPECT_EQ(result("sshd"), "passed: ClientAliveInterval 120");
}

TEST_F(AzureRules, Networking) {
  EXPECT_EQ(result("networking"), "failed: there is no /etc/sysconfig/network");
  guest.with_file("/etc/sysconfig/network", "# NETWORKING=yes\nHOSTNAME=a\n");
  EXPECT_EQ(result("networking"), "failed: /etc/sysconfig/network has no NETWORKING=yes");
  guest.with_file("/etc/sysconfig/network", "NETWORKING=\"yes\"\n");
  EXPECT_EQ(result("networking"), "passed: /etc/sysconfig/network has NETWORKING=yes");
  use_ubuntu();
  EXPECT_EQ(result("networking"), "skipped: LISA checks it on RHEL's family only");
}

TEST_F(AzureRules, DhcpOfIfcfg) {
  const std::string path = "/etc/sysconfig/network-scripts/ifcfg-eth0";
  EXPECT_EQ(result("DHCP"), "failed: no file sets DHCP for eth0");
  guest.with_file(path, "DEVICE=eth0\nBOOTPROTO=static\nIPADDR=10.0.0.1\n");
  EXPECT_EQ(result("DHCP"), "failed: " + path + " has no BOOTPROTO=dhcp, ONBOOT=yes");
  guest.with_file(path, "DEVICE=\"eth0\"\nBOOTPROTO='dhcp'\nONBOOT=yes\n");
  EXPECT_EQ(result("DHCP"), "passed: " + path + " has DEVICE=eth0, BOOTPROTO=dhcp and ONBOOT=yes");
}

TEST_F(AzureRules, DhcpOfOtherFiles) {
  install("cloud-init", "20.1");
  EXPECT_EQ(result("DHCP"), "skipped: cloud-init writes the network configuration at the first boot");
  const std::string skipped = result("DHCP");
  guest.with_file("/etc/NetworkManager/system-connections/eth0.nmconnection",
                  "[ipv4]\nmethod=manual\n[ipv6]\nmethod=auto\n");
  EXPECT_EQ(result("DHCP"), skipped) << "IPv6 only";
  guest.with_file("/etc/NetworkManager/system-connections/eth0.nmconnection", "[ipv4]\nmethod=auto\n");
  EXPECT_EQ(result("DHCP"), "passed: /etc/NetworkManager/system-connections/eth0.nmconnection sets DHCP");
  guest.with_file("/etc/network/interfaces", "auto eth0\niface eth0 inet dhcp\n");
  EXPECT_EQ(result("DHCP"), "passed: /etc/network/interfaces sets DHCP");
  guest.with_file("/etc/netplan/50-cloud-init.yaml", "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n");
  EXPECT_EQ(result("DHCP"), "passed: /etc/netplan/50-cloud-init.yaml sets DHCP");
}

TEST_F(AzureRules, DhcpTimeout) {
  EXPECT_EQ(result("DHCP timeout"), "skipped: there is no dhclient.conf");
  guest.with_file("/etc/dhcp/dhclient.conf", "#timeout 60;\ntimeout 300;\n");
  EXPECT_EQ(result("DHCP timeout"), "passed: /etc/dhcp/dhclient.conf has no timeout below 300 s");
  guest.with_file("/etc/dhcp/dhclient.conf", "timeout 60;\n");
  EXPECT_EQ(result("DHCP timeout"), "failed: /etc/dhcp/dhclient.conf has a timeout of 60 s");
}

TEST_F(AzureRules, UdevRules) {
  const std::string generator = "/lib/udev/rules.d/75-persistent-net-generator.rules";
  guest.with_link(generator, "/dev/null");
  EXPECT_EQ(result("udev rules"), "passed: no rule ties eth0 to the MAC address of one VM");
  guest.with_file("/etc/udev/rules.d/70-persistent-net.rules", "x");
  EXPECT_EQ(result("udev rules"), "failed: /etc/udev/rules.d/70-persistent-net.rules exists");
}

TEST_F(AzureRules, UnmanagedFunctions) {
  EXPECT_EQ(result("unmanaged VFs"), "skipped: it is checked on EL9 and EL10 only");
  facts.os.version = "9.2";
  const std::string path = "/etc/NetworkManager/conf.d/99-azure-unmanaged-devices.conf";
  EXPECT_EQ(result("unmanaged VFs"), "failed: there is no " + path);
  guest.with_file(path, "[keyfile]\n");
  EXPECT_EQ(result("unmanaged VFs"), "failed: " + path + " has no unmanaged-devices=driver:mlx4_core;driver:mlx5_core");
  guest.with_file(path, "[keyfile]\nunmanaged-devices=driver:mlx4_core;driver:mlx5_core\n");
  EXPECT_EQ(result("unmanaged VFs"), "passed: NetworkManager leaves the virtual functions alone");
}

TEST_F(AzureRules, UnmanagedFunctionsOfEl10) {
  facts.os.version = "10.0";
  const std::string path = "/etc/NetworkManager/conf.d/99-azure-unmanaged-devices.conf";
  const std::string rule = "/usr/lib/udev/rules.d/10-azure-unmanaged-sriov.rules";
  EXPECT_EQ(result("unmanaged VFs"), "failed: there is no " + path);
  guest.with_file(rule, "SUBSYSTEM==\"net\"\n");
  EXPECT_EQ(result("unmanaged VFs"), "passed: NetworkManager leaves the virtual functions alone: " + rule);
  facts.os.version = "9.6";  // the playbook wants the file there
  EXPECT_EQ(result("unmanaged VFs"), "failed: there is no " + path);
  facts.os.version = "10";
  guest.with_file(path, "[keyfile]\nunmanaged-devices=driver:mlx4_core;driver:mlx5_core\n");
  EXPECT_EQ(result("unmanaged VFs"), "passed: NetworkManager leaves the virtual functions alone");
}

TEST_F(AzureRules, Sudoers) {
  EXPECT_EQ(result("sudoers"), "skipped: there is no /etc/sudoers");
  guest.with_file("/etc/sudoers", "# Defaults targetpw\nDefaults   env_reset\n");
  EXPECT_EQ(result("sudoers"), "passed: /etc/sudoers has no Defaults targetpw");
  guest.with_file("/etc/sudoers", "Defaults   targetpw   # ask\n");
  EXPECT_EQ(result("sudoers"), "failed: /etc/sudoers has Defaults targetpw");
}

TEST_F(AzureRules, Passwords) {
  EXPECT_EQ(result("passwords"), "skipped: there is no /etc/shadow");
  guest.with_file("/etc/shadow", "root:*LOCK*:1::::::\nsshd:!!:1::::::\na:!$6$x:1::::::\nb:x:1::::::\nc::1::::::\n");
  EXPECT_EQ(result("passwords"), "passed: no account has a password");
  guest.with_file("/etc/shadow", "root:$6$salt$hash:1::::::\nadmin:$1$a:1::::::\nsshd:*:1::::::\n");
  EXPECT_EQ(result("passwords"), "failed: accounts with a password: root, admin");
}

TEST_F(AzureRules, SshKeys) {
  guest.with_file("/etc/passwd",
                  "root:x:0:0:root:/root:/bin/bash\nhpc:x:1000:1000::/home/hpc:/bin/bash\n"
                  "d:x:999:999::/var/d:/sbin/nologin\n");
  guest
      .with_file(
          "/root/.ssh/authorized_keys",
          "command=\"echo 'Please login as the user \\\"hpc\\\" rather than the user \\\"root\\\".'\" ssh-rsa A\n")
      .with_file("/var/d/.ssh/authorized_keys", "ssh-rsa A\n");
  EXPECT_EQ(result("ssh keys"), "passed: no account has an authorized key");
  guest.with_file("/home/hpc/.ssh/authorized_keys", "# note\nssh-rsa A\nssh-rsa B\n");
  EXPECT_EQ(result("ssh keys"), "failed: authorized keys: /home/hpc/.ssh/authorized_keys");
}

TEST_F(AzureRules, Users) {
  EXPECT_EQ(result("users"), "skipped: there is no /etc/passwd");
  guest.with_file("/etc/passwd",
                  "root:x:0:0::/root:/bin/sh\na:x:999:1::/:/bin/sh\nnobody:x:65534:1::/:/sbin/nologin\n");
  EXPECT_EQ(result("users"), "passed: no account with a user id from 1000 to 60000");
  guest.with_file("/etc/passwd", "a:x:1000:1::/home/a:/bin/sh\nb:x:60000:1::/home/b:/bin/sh\n");
  EXPECT_EQ(result("users"), "failed: accounts: a, b");
}

TEST_F(AzureRules, ShellHistory) {
  EXPECT_EQ(result("shell history"), "skipped: there is no /etc/passwd");
  guest.with_file("/etc/passwd",
                  "root:x:0:0::/root:/bin/bash\nz:x:1000:1::/home/z:/bin/zsh\nd:x:2:2::/d:/sbin/nologin\n");
  guest.with_file("/root/.bash_history", "").with_file("/d/.bash_history", "secret\n");
  EXPECT_EQ(result("shell history"), "passed: no account has a shell history");
  guest.with_file("/root/.bash_history", "secret\n").with_file("/home/z/.zsh_history", "x\n");
  EXPECT_EQ(result("shell history"), "failed: shell history: /home/z/.zsh_history, /root/.bash_history");
}

TEST_F(AzureRules, HostKeys) {
  guest.with_file("/etc/ssh/ssh_config").with_file("/etc/ssh/ssh_host_rsa_key.pub");
  EXPECT_EQ(result("host keys"), "passed: the image has no SSH host key");
  guest.with_file("/etc/ssh/ssh_host_rsa_key").with_file("/etc/ssh/ssh_host_ed25519_key");
  EXPECT_EQ(result("host keys"),
            "failed: SSH host keys of one machine: /etc/ssh/ssh_host_ed25519_key, /etc/ssh/ssh_host_rsa_key");
}

TEST_F(AzureRules, Hosts) {
  EXPECT_EQ(result("hosts"), "passed: the image has neither the id nor the name of a machine");
  guest.with_file("/etc/machine-id", "uninitialized\n")
      .with_file("/etc/hosts",
                 "127.0.0.1 localhost\n127.0.1.1 localhost.localdomain centos # build-vm\n10.0.0.9 nfs\n");
  EXPECT_EQ(result("hosts"), "passed: the image has neither the id nor the name of a machine");
  facts.machine.host_name = "centos";  // of the distribution's images
  EXPECT_EQ(result("hosts"), "passed: the image has neither the id nor the name of a machine");
  guest.with_file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  EXPECT_EQ(result("hosts"), "failed: /etc/machine-id has an id");
  facts.machine.host_name = "build-vm";
  guest.with_file("/etc/machine-id", "\n")
      .with_file("/etc/hosts", "127.0.0.1 localhost\n10.0.0.4 build-vm.internal.cloudapp.net build-vm\n");
  EXPECT_EQ(result("hosts"),
            "failed: /etc/hostname names build-vm; /etc/hosts names build-vm.internal.cloudapp.net build-vm");
}

TEST_F(AzureRules, HostsFindsTheNameOfDebiansInstaller) {
  guest.with_file("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 old-vm\n");
  EXPECT_EQ(result("hosts"), "failed: /etc/hosts names old-vm");
}

TEST_F(AzureRules, ASpecializedImageKeepsItsKeysAndNames) {
  guest.with_file("/etc/ssh/ssh_host_rsa_key");
  facts.machine.host_name = "build-vm";
  facts.machine.users = {{{"azureuser", 1000, "/home/azureuser"}, {"/var/lib/waagent/ovf-env.xml"}, {}}};
  const std::string reason = "skipped: the image has provisioned users (azureuser): it is a specialized image";
  EXPECT_EQ(result("host keys"), reason);
  EXPECT_EQ(result("hosts"), reason);
}

TEST_F(AzureRules, RepositoriesOfUbuntu) {
  use_ubuntu();
  guest.with_file("/etc/apt/sources.list", "# deb http://archive.ubuntu.com/ubuntu focal-security main\n");
  EXPECT_EQ(result("repositories"), "failed: no suite -security, no suite -updates in apt's sources");
  guest.with_file("/etc/apt/sources.list",
                  "deb http://archive.ubuntu.com/ubuntu focal-updates main\n"
                  "deb http://security.ubuntu.com/ubuntu focal-security main\n");
  EXPECT_EQ(result("repositories"), "failed: azure.archive.ubuntu.com is not in apt's sources");
  install("cloud-init", "22.1");
  EXPECT_EQ(result("repositories"), "skipped: cloud-init writes Azure's mirror at the first boot");
  guest.with_file("/etc/apt/sources.list.d/azure.sources", "URIs: http://azure.archive.ubuntu.com/ubuntu/\n");
  EXPECT_EQ(result("repositories"), "passed: azure.archive.ubuntu.com with -security and -updates");
}

TEST_F(AzureRules, RepositoriesOfEl) {
  EXPECT_EQ(result("repositories"), "failed: no base repository in /etc/yum.repos.d");
  guest.with_file("/etc/yum.repos.d/a.repo", "[BaseOS]\nenabled=1\n[extras]\n");
  EXPECT_EQ(result("repositories"), "passed: 2 repositories, one of them the base repository");
  facts.os.version = "7.9";
  EXPECT_EQ(result("repositories"), "skipped: LISA checks it from EL8 on");
  facts.os.id = "rhel";
  EXPECT_EQ(result("repositories"), "failed: 0 repositories of RHUI, LISA wants more than 5");
  std::string text;
  for (const auto* id : {"1", "2", "3", "4", "5", "6"}) text += std::string("[rhui-") + id + "]\n";
  guest.with_file("/etc/yum.repos.d/rhui.repo", text);
  EXPECT_EQ(result("repositories"), "passed: 6 repositories of RHUI");
}

TEST_F(AzureRules, RhuiClient) {
  EXPECT_EQ(result("RHUI client"), "skipped: Microsoft checks it on RHEL only");
  facts.os.id = "rhel";
  EXPECT_EQ(result("RHUI client"), "failed: no package rhui-azure-rhel…");
  install("rhui-azure-rhel8", "2.2-97");
  EXPECT_EQ(result("RHUI client"), "passed: rhui-azure-rhel8 2.2-97");
}

TEST_F(AzureRules, DiskEncryption) {
  for (const auto* name : {"lsscsi", "psmisc", "lvm2", "uuid", "at", "patch", "cryptsetup", "procps-ng"})
    install(name, "1");
  EXPECT_EQ(result("disk encryption"), "failed: not installed: cryptsetup-reencrypt, util-linux");
  install("cryptsetup-reencrypt", "1");
  install("util-linux", "1");
  EXPECT_EQ(result("disk encryption"), "passed: every package that Azure Disk Encryption needs");
  facts.os.version = "9.2";
  EXPECT_EQ(result("disk encryption"), "skipped: Microsoft checks it on EL7 and EL8 only");
}

TEST_F(AzureRules, Omi) {
  EXPECT_EQ(result("OMI"), "passed: omi is not installed");
  install("omi", "1.6.8-0");
  EXPECT_EQ(result("OMI"), "failed: omi 1.6.8-0 is older than 1.6.8.1");
  facts.packages.packages[0].version = "1.6.8-1";
  EXPECT_EQ(result("OMI"), "passed: omi 1.6.8-1");
}

TEST_F(AzureRules, OpenSsl) {
  EXPECT_EQ(result("OpenSSL"), "skipped: the package openssl is not installed");
  install("openssl", "1:1.0.2k-26.el7_9");
  EXPECT_EQ(result("OpenSSL"), "passed: openssl 1.0.2k-26.el7_9");
  facts.packages.packages[0].version = "1.1.1f-1ubuntu2";
  EXPECT_EQ(result("OpenSSL"), "passed: openssl 1.1.1f-1ubuntu2");
  facts.packages.packages[0].version = "1.1.0g-2ubuntu4";
  EXPECT_EQ(result("OpenSSL"), "failed: openssl 1.1.0g-2ubuntu4 is older than 3.0.0 and neither 1.1.1 nor 1.0.2");
  facts.packages.packages[0].version = "3.0.2-0ubuntu1";
  EXPECT_EQ(result("OpenSSL"), "passed: openssl 3.0.2-0ubuntu1");
}

TEST_F(AzureRules, Architecture) {
  EXPECT_EQ(result("architecture"), "passed: x86_64");
  facts.arch = "i386";
  EXPECT_EQ(result("architecture"), "failed: i386 is not a 64-bit architecture of Azure");
}

}  // namespace
}  // namespace bake::verify
