#include "bake/inspect/inspect.hpp"

#include <gtest/gtest.h>

#include "bake/base/error.hpp"
#include "bake/guest/facts_json.hpp"
#include "bake/guest/memory.hpp"
#include "bake/guest/os_release.hpp"
#include "bake/inspect/package_database.hpp"
#include "bake/inspect/private_keys.hpp"
#include "bake/inspect/waagent.hpp"
#include "tests/support/boot.hpp"
#include "tests/support/error_of.hpp"

namespace bake::guest {
namespace {

std::string elf(char machine, char data = 1) {
  std::string header("\177ELF\2\1\1", 7);
  header[5] = data;
  header.resize(64, '\0');
  header[data == 2 ? 19 : 18] = machine;
  return header;
}

// ---- os-release

TEST(OsRelease, ReadsQuotingAsTheShellDoes) {
  const auto values = parse_assignments(
      "# comment\nID=\"centos\"\nVERSION_ID='7'\n  PRETTY_NAME=\"A \\\"quoted\\\" \\$name\"\nEMPTY=\n"
      "TAIL=x # comment\nBROKEN=\"never closed\n=nothing\nno assignment\nID=last\n");
  EXPECT_EQ(values, (std::map<std::string, std::string>{{"ID", "last"},
                                                        {"VERSION_ID", "7"},
                                                        {"PRETTY_NAME", "A \"quoted\" $name"},
                                                        {"EMPTY", ""},
                                                        {"TAIL", "x"},
                                                        {"BROKEN", "never closed"}}));
}

OsRelease os_of(const std::string& os_release, const std::string& centos = "", const std::string& redhat = "") {
  MemoryGuest guest;
  guest.with_file("/usr/lib/os-release", os_release).with_link("/etc/os-release", "../usr/lib/os-release");
  if (!centos.empty()) guest.with_file("/etc/centos-release", centos);
  if (!redhat.empty()) guest.with_file("/etc/redhat-release", redhat);
  return read_os_release(guest);
}

TEST(OsRelease, FindsTheMinorRelease) {
  const std::string centos7 = "ID=\"centos\"\nVERSION_ID=\"7\"\nPRETTY_NAME=\"CentOS Linux 7 (Core)\"\n";
  EXPECT_EQ(os_of(centos7, "CentOS Linux release 7.7.1908 (Core)\n"),
            (OsRelease{"centos", "7.7", "CentOS Linux 7 (Core)"}));
  EXPECT_EQ(os_of(centos7, "", "CentOS Linux release 7.4.1708 (Core) \n").version, "7.4");
  EXPECT_EQ(os_of("ID=\"centos\"\nVERSION_ID=\"8\"\n", "CentOS Linux release 8.2.2004 (Core)\n").version, "8.2");
  EXPECT_EQ(os_of("ID=\"centos\"\nVERSION_ID=\"8\"\n", "CentOS Stream release 8\n").version, "8");
  EXPECT_EQ(os_of("ID=\"rhel\"\nVERSION_ID=\"8.2\"\n", "", "Red Hat Enterprise Linux release 8.9 (x)\n").version,
            "8.2");
  EXPECT_EQ(os_of("ID=ubuntu\nVERSION_ID=\"20.04\"\nPRETTY_NAME=\"Ubuntu 20.04.1 LTS\"\n"),
            (OsRelease{"ubuntu", "20.04", "Ubuntu 20.04.1 LTS"}));
  EXPECT_EQ(os_of("ID=\"almalinux\"\nVERSION_ID=\"8.10\"\n").version, "8.10");
  EXPECT_EQ(os_of("ID=centos\nVERSION_ID=8\n", "CentOS Linux release 7.9.2009 (Core)\n").version, "8")
      << "a release file of another major release is stale";
}

TEST(OsRelease, RefusesFilesWithoutAnId) {
  EXPECT_THROW(os_of("NAME=x\n"), Error);
  MemoryGuest guest;
  EXPECT_THROW(read_os_release(guest), Error);
}

TEST(OsRelease, SurvivesHugeLines) {
  const auto os = os_of(std::string(1U << 20U, 'x') + "\nID=" + std::string(1U << 20U, 'y') +
                        "\nID=ubuntu\nVERSION_ID=" + std::string(1U << 20U, '9') + "\n");
  EXPECT_EQ(os.id, "ubuntu");
  EXPECT_EQ(os.version.size(), 1U << 20U);
}

TEST(Family, ComesFromTheNameThenFromTheDatabase) {
  const auto family = [](const std::string& os_release, const std::string& file) {
    MemoryGuest guest;
    guest.with_file("/etc/os-release", os_release).with_file(file);
    return find_family(guest);
  };
  EXPECT_EQ(family("ID=ubuntu\nID_LIKE=debian\n", "/var/lib/rpm/Packages"), Family::deb);
  EXPECT_EQ(family("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "/x"), Family::rpm);
  EXPECT_EQ(family("ID=own\n", "/var/lib/dpkg/status"), Family::deb);
  EXPECT_EQ(family("ID=own\n", "/usr/lib/sysimage/rpm/rpmdb.sqlite"), Family::rpm);
  EXPECT_EQ(error_of([&] { family("ID=alpine\n", "/lib/apk/db/installed"); }).kind(), ErrorKind::incompatible);
}

TEST(Architecture, ComesFromTheGuestsPrograms) {
  const auto architecture = [](const std::string& content) {
    MemoryGuest guest;
    guest.with_file("/usr/bin/true", content).with_link("/bin", "usr/bin");
    return find_architecture(guest);
  };
  EXPECT_EQ(architecture(elf(62)), "x86_64");
  EXPECT_EQ(architecture(elf('\267')), "aarch64");
  EXPECT_EQ(architecture(elf(22, 2)), "s390x");
  EXPECT_EQ(architecture(elf(99)), "unknown (ELF machine 99)");
  EXPECT_EQ(architecture("#!/bin/sh\n"), "unknown");
  auto large = elf(62);
  large.resize(2 * text_limit);
  EXPECT_EQ(architecture(large), "x86_64") << "a program for all commands";
  EXPECT_EQ(architecture("\177ELF"), "unknown");
}

// ---- waagent

TEST(Waagent, ReadsItsConfigurationAsTheAgentDoes) {
  const auto rdma = [](const std::string& text) {
    return waagent_setting(text, "OS.EnableRDMA").value_or("(default)");
  };
  EXPECT_EQ(rdma("# OS.EnableRDMA=y\n"), "(default)");
  EXPECT_EQ(rdma("OS.EnableRDMA=y\n"), "y");
  EXPECT_EQ(rdma("  OS.EnableRDMA = \"y\"  # for InfiniBand\n"), "y");
  EXPECT_EQ(rdma("OS.EnableRDMA=y\nOS.EnableRDMA=n\n"), "n") << "the last line counts";
  EXPECT_EQ(rdma("OS.EnableRDMA=y\n#OS.EnableRDMA=n\n"), "y");
  EXPECT_EQ(rdma(" # OS.EnableRDMA=y\n"), "(default)") << "the key is then '# OS.EnableRDMA'";
  EXPECT_EQ(rdma("OS.EnableRDMA=y\r\n"), "y");
  EXPECT_EQ(rdma("OS.EnableRDMA=None\n"), "(default)");
  EXPECT_EQ(rdma("OS.EnableRDMA=y=z\nOS.EnableRDMAx=n\n"), "y=z");
}

TEST(Waagent, FindsTheVersionInEveryPlace) {
  MemoryGuest guest;
  EXPECT_FALSE(find_waagent(guest, {}).has_value());
  guest.with_file("/usr/sbin/waagent");
  EXPECT_EQ(find_waagent(guest, {})->version, "");
  EXPECT_EQ(find_waagent(guest, {{"WALinuxAgent", "2.2.32-1.el7", "noarch"}})->version, "2.2.32");
  EXPECT_EQ(find_waagent(guest, {{"walinuxagent", "2.2.46-0ubuntu1~20.04.1", "amd64"}})->version, "2.2.46");
  guest.with_directory("/usr/lib/python3.6/site-packages/WALinuxAgent-2.7.0.6-py3.6.egg-info");
  EXPECT_EQ(find_waagent(guest, {})->version, "2.7.0.6");
  guest.with_file("/usr/lib/python3.6/site-packages/azurelinuxagent/common/version.py",
                  "AGENT_NAME = \"WALinuxAgent\"\nAGENT_VERSION = '2.7.3.0'\n");
  EXPECT_EQ(find_waagent(guest, {})->version, "2.7.3.0");
  guest.with_file("/usr/lib/systemd/system/waagent.service");
  EXPECT_EQ(find_waagent(guest, {})->service, "waagent.service");
}

// ---- whole guests

MemoryGuest centos77() {
  MemoryGuest guest;
  const std::string kernel = "3.10.0-1062.el7.x86_64";
  guest.with_file("/usr/bin/true", elf(62))
      .with_link("/bin", "usr/bin")
      .with_link("/sbin", "usr/sbin")
      .with_file("/etc/os-release",
                 "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n"
                 "PRETTY_NAME=\"CentOS Linux 7 (Core)\"\n")
      .with_file("/etc/centos-release", "CentOS Linux release 7.7.1908 (Core)\n")
      .with_file("/lib/modules/" + kernel + "/modules.builtin", "kernel/fs/ext4/ext4.ko\n")
      .with_file("/boot/vmlinuz-" + kernel)
      .with_file("/boot/initramfs-" + kernel + ".img")
      .with_file("/boot/symvers-" + kernel + ".gz")
      .with_file("/boot/System.map-" + kernel)
      .with_file("/boot/config-" + kernel, "CONFIG_MLX5_CORE=m\n")
      .with_file("/boot/vmlinuz-0-rescue-554cc448505f4911a678768100ea69cd")
      .with_file("/boot/grub2/grub.cfg", testing::centos7_grub_cfg)
      .with_file("/boot/grub2/grubenv",
                 "# GRUB Environment Block\nsaved_entry=CentOS Linux (3.10.0-1062.el7.x86_64) 7 (Core)\n####")
      .with_file("/etc/selinux/config",
                 "# SELINUX= can take one of three values\nSELINUX=enforcing\nSELINUXTYPE=targeted\n")
      .with_file("/etc/selinux/targeted/contexts/files/file_contexts")
      .with_file("/usr/sbin/waagent")
      .with_file("/etc/waagent.conf", "# OS.EnableRDMA=y\n")
      .with_file("/usr/lib/systemd/system/waagent.service")
      .with_file("/var/lib/rpm/Packages")
      .with_answer(rpm_dump_query(), {0, "P WALinuxAgent\t(none)\t2.2.32\t1.el7\tnoarch\n\n#status 0\n\n"})
      .with_answer(private_key_search(), {0, "/etc/ssh/ssh_host_rsa_key\n"});
  for (const auto* program : {"setfiles", "dracut", "depmod", "weak-modules"})
    guest.with_file(std::string("/usr/sbin/") + program);
  for (const auto* program : {"rpm", "yum", "systemctl", "python"}) guest.with_file(std::string("/usr/bin/") + program);
  return guest;
}

Layout lvm_layout() {
  Layout layout;
  layout.partition_table = "gpt";
  layout.lvm = true;
  layout.efi = true;
  layout.mounts = {{"/dev/rootvg/rootlv", "xfs", "/", 2145386496, 1000000000, "09dccbf5-8ad3-440f-beb7-3ff28555b167"},
                   {"/dev/sda2", "xfs", "/boot", 517713920, 300000000, "60ad466f-e10a-44c2-b1b1-61218721cd36"}};
  return layout;
}

TEST(Inspect, Centos77) {
  auto guest = centos77();
  const auto before = guest.paths();
  const auto facts = inspect(guest, lvm_layout());
  EXPECT_EQ(to_json(facts).dump(2), R"facts({
  "os": {
    "id": "centos",
    "version": "7.7",
    "pretty_name": "CentOS Linux 7 (Core)"
  },
  "family": "rpm",
  "arch": "x86_64",
  "default_kernel": "3.10.0-1062.el7.x86_64",
  "default_kernel_how": "grubenv saved_entry",
  "default_kernel_options": "root=/dev/mapper/rootvg-rootlv ro console=ttyS0 rootdelay=300",
  "default_kernel_warnings": [],
  "kernels": [
    {
      "release": "3.10.0-1062.el7.x86_64",
      "image": "/boot/vmlinuz-3.10.0-1062.el7.x86_64",
      "initramfs": "/boot/initramfs-3.10.0-1062.el7.x86_64.img",
      "config": "/boot/config-3.10.0-1062.el7.x86_64",
      "symvers": "/boot/symvers-3.10.0-1062.el7.x86_64.gz",
      "system_map": "/boot/System.map-3.10.0-1062.el7.x86_64",
      "builtin_rdma": [],
      "has_headers": false,
      "rdma_users": [],
      "azure_drivers": [],
      "ib_core_users": [],
      "module_hash": ""
    }
  ],
  "initramfs_tool": "dracut",
  "selinux": {
    "mode": "enforcing",
    "policy": "targeted",
    "file_contexts": "/etc/selinux/targeted/contexts/files/file_contexts",
    "has_setfiles": true
  },
  "waagent": {
    "version": "2.2.32",
    "config": "/etc/waagent.conf",
    "enable_rdma": false,
    "service": "waagent.service"
  },
  "layout": {
    "partition_table": "gpt",
    "lvm": true,
    "efi": true,
    "bios_boot": false,
    "mounts": [
      {
        "mount_point": "/",
        "device": "/dev/rootvg/rootlv",
        "type": "xfs",
        "uuid": "09dccbf5-8ad3-440f-beb7-3ff28555b167",
        "size": 2145386496,
        "free": 1000000000
      },
      {
        "mount_point": "/boot",
        "device": "/dev/sda2",
        "type": "xfs",
        "uuid": "60ad466f-e10a-44c2-b1b1-61218721cd36",
        "size": 517713920,
        "free": 300000000
      }
    ]
  },
  "machine": {
    "users": [],
    "host_name": "",
    "files": [],
    "data": {},
    "immutable": [],
    "unmounted": [],
    "moved_folders": [],
    "cloud_init_network": false
  },
  "private_keys": [
    "/etc/ssh/ssh_host_rsa_key"
  ],
  "root_uuid": "09dccbf5-8ad3-440f-beb7-3ff28555b167",
  "programs": [
    "depmod",
    "dracut",
    "python",
    "rpm",
    "setfiles",
    "systemctl",
    "weak-modules",
    "yum"
  ],
  "package_manager_configs": [],
  "baked_manifest": null,
  "packages": {
    "format": "rpm-bdb",
    "trouble": "",
    "installed": [
      {
        "name": "WALinuxAgent",
        "version": "2.2.32-1.el7",
        "arch": "noarch"
      }
    ]
  }
})facts");
  EXPECT_EQ(guest.paths(), before) << "inspection changes nothing";
  EXPECT_EQ(guest.scripts(), (std::vector<std::string>{rpm_dump_query(), private_key_search()}));
}

TEST(Inspect, RecordsLinksInThePlaceOfConfigurationFiles) {
  MemoryGuest guest;
  guest.with_file("/etc/os-release", "ID=centos\nVERSION_ID=7\n")
      .with_file("/var/lib/rpm/Packages")
      .with_file("/etc/hostname", "build-vm\n")
      .with_file("/usr/hosts", "127.0.1.1 build-vm\n")
      .with_file("/root/waagent.conf")
      .with_file("/etc/dnf/dnf.conf")
      .with_answer(private_key_search(), {})
      .with_link("/etc/hosts", "/usr/hosts")
      .with_link("/etc/waagent.conf", "/root/waagent.conf")
      .with_link("/etc/yum.conf", "dnf/dnf.conf");
  EXPECT_EQ(inspect(guest, {}).config_links,
            (std::vector<ConfigLink>{{"/etc/waagent.conf", "/root/waagent.conf", false},
                                     {"/etc/yum.conf", "dnf/dnf.conf", true},
                                     {"/etc/hosts", "/usr/hosts", false}}));
}

TEST(Inspect, FindsTheConfigurationsOfEveryPackageManager) {
  const auto configs = [](MemoryGuest& guest) { return inspect(guest, {}).package_manager_configs; };
  const auto el = [](MemoryGuest& guest) -> MemoryGuest& {
    return guest.with_file("/etc/os-release", "ID=centos\nVERSION_ID=7\n")
        .with_file("/var/lib/rpm/Packages")
        .with_answer(private_key_search(), {});
  };
  MemoryGuest yum_alone;
  EXPECT_EQ(configs(el(yum_alone).with_file("/etc/yum.conf")), std::vector<std::string>{"/etc/yum.conf"});
  MemoryGuest both;
  EXPECT_EQ(configs(el(both).with_file("/etc/yum.conf").with_file("/etc/dnf/dnf.conf")),
            (std::vector<std::string>{"/etc/yum.conf", "/etc/dnf/dnf.conf"}));
  MemoryGuest dnf_as_yum;
  EXPECT_EQ(configs(el(dnf_as_yum).with_link("/etc/yum.conf", "dnf/dnf.conf").with_file("/etc/dnf/dnf.conf")),
            std::vector<std::string>{"/etc/dnf/dnf.conf"});
}

TEST(Inspect, ReadsTheSelinuxModeOfTheNextBoot) {
  auto guest = centos77();
  guest.write("/etc/selinux/config", "SELINUX=Permissive\nSELINUXTYPE=targeted\n");
  EXPECT_EQ(inspect(guest, {}).selinux.mode, "permissive");
  guest.write("/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=../../../etc\n");
  EXPECT_EQ(inspect(guest, {}).selinux.file_contexts, "");
  guest.remove("/boot/grub2/grubenv");  // the first entry of this menu says selinux=0
  const std::string newer = "3.10.0-1062.12.1.el7.x86_64";
  guest.with_directory("/lib/modules/" + newer).with_file("/boot/vmlinuz-" + newer);
  EXPECT_EQ(inspect(guest, {}).selinux.mode, "disabled");
  guest.remove("/etc/selinux/config");
  EXPECT_EQ(inspect(guest, {}).selinux.mode, "absent");
}

MemoryGuest ubuntu2004() {
  MemoryGuest guest;
  guest.with_file("/usr/bin/true", elf(62))
      .with_link("/bin", "usr/bin")
      .with_file("/usr/lib/os-release",
                 "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"20.04\"\n"
                 "PRETTY_NAME=\"Ubuntu 20.04.1 LTS\"\n")
      .with_link("/etc/os-release", "../usr/lib/os-release")
      .with_file("/boot/grub/grub.cfg", testing::ubuntu2004_grub_cfg)
      .with_file("/usr/sbin/waagent")
      .with_file("/etc/waagent.conf", "OS.EnableRDMA=y\n")
      .with_file("/lib/systemd/system/walinuxagent.service")
      .with_file("/usr/sbin/update-initramfs")
      .with_file("/usr/bin/dpkg")
      .with_file("/usr/bin/apt-mark")
      .with_file(manifest_path, "{}")
      .with_file("/var/lib/dpkg/status",
                 "Package: walinuxagent\nStatus: install ok installed\n"
                 "Architecture: amd64\nVersion: 2.2.46-0ubuntu1~20.04.1\n")
      .with_answer("dpkg --audit", {0, ""})
      .with_answer(private_key_search(), {0, ""});
  for (const std::string kernel : {"5.4.0-1010-azure", "5.4.0-26-generic"})
    guest.with_file("/boot/vmlinuz-" + kernel)
        .with_file("/boot/initrd.img-" + kernel)
        .with_file("/lib/modules/" + kernel + "/modules.builtin", "kernel/drivers/nvme/host/nvme.ko\n");
  return guest;
}

TEST(Inspect, Ubuntu2004) {
  auto guest = ubuntu2004();
  const auto facts = inspect(guest, {});
  EXPECT_EQ(facts.os, (OsRelease{"ubuntu", "20.04", "Ubuntu 20.04.1 LTS"}));
  EXPECT_EQ(facts.family, Family::deb);
  EXPECT_EQ(facts.default_kernel, "5.4.0-1010-azure");
  EXPECT_EQ(facts.kernel("5.4.0-26-generic")->initramfs, "/boot/initrd.img-5.4.0-26-generic");
  EXPECT_EQ(facts.initramfs_tool, InitramfsTool::initramfs_tools);
  EXPECT_EQ(facts.selinux.mode, "absent");
  ASSERT_TRUE(facts.waagent.has_value());
  EXPECT_EQ(facts.waagent->version, "2.2.46");
  EXPECT_EQ(facts.waagent->service, "walinuxagent.service");
  EXPECT_TRUE(facts.waagent->enable_rdma);
  EXPECT_EQ(facts.programs, (std::set<std::string>{"apt-mark", "dpkg", "update-initramfs"}));
  EXPECT_EQ(facts.baked_manifest, "{}");
  EXPECT_EQ(guest.scripts(), (std::vector<std::string>{"dpkg --audit", private_key_search()}));
}

}  // namespace
}  // namespace bake::guest
