#include "bake/verify/guest.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/guest/memory.hpp"
#include "bake/plan/files.hpp"

namespace bake::verify {
namespace {

/// The check "package database" of a guest whose dpkg -V says `output`.
Check database_check(const std::string& output, const std::string& package, const std::string& dpkg_config) {
  guest::MemoryGuest guest;
  guest.with_file("/etc/dpkg/dpkg.cfg.d/excludes", dpkg_config);
  guest.with_handler([&](const std::string& script) -> std::optional<guest::ShellResult> {
    if (script.find("dpkg -V") == std::string::npos) return std::nullopt;
    return guest::ShellResult{0, output};
  });
  guest::Facts facts;
  facts.packages.format = "dpkg";
  plan::Expectations expected;
  expected.family = guest::Family::deb;
  expected.packages = {{package, "5.5", "amd64"}};
  for (const auto& check : verify_guest(guest, facts, expected))
    if (check.rule == "package database") return check;
  return {};
}

TEST(Verify, FilesThatAMinimalImageExcludesAreNotMissing) {
  const std::string excludes = "path-exclude=/usr/share/man/*\n";
  EXPECT_EQ(database_check("missing     /usr/share/man/man1/ibstat.1.gz\n", "infiniband-diags", excludes).status,
            Status::passed);
  EXPECT_EQ(database_check("missing     /usr/share/man/man1/ibstat.1.gz\nmissing     /usr/sbin/ibstat\n",
                           "infiniband-diags", excludes)
                .evidence,
            "missing     /usr/sbin/ibstat");
  EXPECT_EQ(database_check("missing     /usr/share/man/man1/ibstat.1.gz\n", "infiniband-diags", "").status,
            Status::failed);
}

TEST(Verify, FilesBelowRunAreNotMissing) {
  EXPECT_EQ(database_check("missing     /run/ibacm.sock\nmissing     /var/run/opensm\n", "ibacm", "").status,
            Status::passed);
  EXPECT_EQ(database_check("missing     /usr/run/ibacm\n", "ibacm", "").status, Status::failed);
}

TEST(Verify, ConfigurationFilesMayDiffer) {
  EXPECT_EQ(database_check("??5?????? c /etc/infiniband/openib.conf\n", "mlnx-ofed-kernel-utils", "").status,
            Status::passed);
  EXPECT_EQ(database_check("??5??????   /usr/sbin/ibstat\n", "infiniband-diags", "").status, Status::failed);
}

TEST(Verify, PackagesOfTheBaseWithoutMd5sumsAreNoFault) {
  // dpkg's status file counts, and inspect() has read it again.
  guest::MemoryGuest guest;
  guest.with_handler([](const std::string& script) -> std::optional<guest::ShellResult> {
    if (script.find("dpkg -V") == std::string::npos) return std::nullopt;
    const bool audits = script.find("dpkg --audit") != std::string::npos;
    return guest::ShellResult{0, audits ? "The following packages are missing the md5sums control file in the\n" : ""};
  });
  guest::Facts facts;
  facts.packages.format = "dpkg";
  plan::Expectations expected;
  expected.family = guest::Family::deb;
  expected.packages = {{"ibacm", "5.5", "amd64"}};
  const auto checks = verify_guest(guest, facts, expected);
  const auto database =
      std::find_if(checks.begin(), checks.end(), [](const Check& check) { return check.rule == "package database"; });
  ASSERT_NE(database, checks.end());
  EXPECT_EQ(database->evidence, "dpkg, consistent; the injected packages have no fault");
  EXPECT_EQ(database->status, Status::passed);
}

TEST(Verify, TheVendorsMetapackagesMayWriteTheirProductIntoOfedInfo) {
  EXPECT_EQ(database_check("??5??????   /usr/bin/ofed_info\n", "mlnx-ofed-basic", "").status, Status::passed);
  EXPECT_EQ(database_check("??5??????   /usr/bin/ofed_info\n", "mlnx-ofed-kernel-utils", "").status, Status::failed);
  EXPECT_EQ(database_check("missing     /usr/bin/ofed_info\n", "mlnx-ofed-basic", "").status, Status::failed);
}

Check holds_check(guest::MemoryGuest& guest, const plan::Hold& hold) {
  plan::Expectations expected;
  expected.family = hold.configs.empty() ? guest::Family::deb : guest::Family::rpm;
  expected.hold = hold;
  for (const auto& check : verify_guest(guest, {}, expected))
    if (check.rule == "holds") return check;
  return {};
}

TEST(Verify, EveryPlannedPackageIsHeldInEveryConfiguration) {
  const plan::Hold hold{{"/etc/yum.conf", "/etc/dnf/dnf.conf"}, {"kernel*", "mlnx-ofa_kernel"}};
  guest::MemoryGuest guest;
  guest.with_file("/etc/yum.conf", "[main]\nexclude=kernel* mlnx-ofa_kernel\n")
      .with_file("/etc/dnf/dnf.conf", "[main]\nexclude=kernel-mft mlnx-ofa_kernel\n");
  const auto check = holds_check(guest, hold);
  EXPECT_EQ(check.status, Status::failed);
  EXPECT_EQ(check.evidence, "not held: kernel* in /etc/dnf/dnf.conf");
  guest.write("/etc/dnf/dnf.conf", "[main]\nexcludepkgs=kernel*,mlnx-ofa_kernel\n");
  EXPECT_EQ(holds_check(guest, hold), (Check{"holds", true, "2 names are kept from being updated"}));
}

TEST(Verify, TheFilesOfOptionsAreAsTheBakeWroteThem) {
  const plan::OptionFile modules{"/etc/modules-load.d/bake-rdma.conf", "", "ib_umad\n"};
  const plan::OptionFile program{"/usr/sbin/bake-rdma-names", "", "#!/bin/sh\n", 0755};
  plan::Expectations expected;
  guest::MemoryGuest guest;
  const auto check = [&] {
    for (const auto& each : verify_guest(guest, {}, expected))
      if (each.rule == "options") return each;
    return Check{};
  };
  EXPECT_EQ(check(), skipped("options", "no option of the recipe writes a file"));
  for (const auto& file : {modules, program}) {
    expected.option_files[file.path] = plan::state_of(file);
    guest.with_file(file.path, file.text);
    guest.set_mode(file.path, file.mode);
  }
  EXPECT_EQ(check(), (Check{"options", true, "/etc/modules-load.d/bake-rdma.conf, /usr/sbin/bake-rdma-names"}));
  guest.remove(modules.path);
  guest.set_mode(program.path, 0644);
  EXPECT_EQ(check(),
            (Check{"options", false,
                   "/etc/modules-load.d/bake-rdma.conf is missing; /usr/sbin/bake-rdma-names is not as the bake "
                   "wrote it"}));
  guest.with_file(modules.path, "ib_umad\nother\n");
  guest.set_mode(program.path, 0755);
  EXPECT_EQ(check(), (Check{"options", false, "/etc/modules-load.d/bake-rdma.conf is not as the bake wrote it"}));
}

TEST(Verify, LockedMemoryIsUnlimitedInSessionsAndServices) {
  guest::MemoryGuest guest;
  guest.with_file("/etc/security/limits.d/90-bake-rdma.conf", "* hard memlock unlimited\n*  soft\tmemlock unlimited\n")
      .with_file("/etc/systemd/system.conf.d/90-bake-rdma.conf", "[Manager]\n#DefaultLimitMEMLOCK=infinity\n");
  plan::Expectations expected;
  expected.memlock_unlimited = true;
  const auto check = [&] {
    for (const auto& each : verify_guest(guest, {}, expected))
      if (each.rule == "locked memory") return each;
    return Check{};
  };
  EXPECT_EQ(check(), (Check{"locked memory", false,
                            "'[Manager] DefaultLimitMEMLOCK=infinity' is not in "
                            "/etc/systemd/system.conf.d/90-bake-rdma.conf"}));
  guest.write("/etc/systemd/system.conf.d/90-bake-rdma.conf", "[Manager]\nDefaultLimitMEMLOCK=infinity\n");
  EXPECT_EQ(check(), (Check{"locked memory", true, "unlimited in sessions and services"}));
  guest.remove("/etc/security/limits.d/90-bake-rdma.conf");
  EXPECT_EQ(check().evidence,
            "/etc/security/limits.d/90-bake-rdma.conf is missing; '* hard memlock unlimited' is not in "
            "/etc/security/limits.d/90-bake-rdma.conf; '* soft memlock unlimited' is not in "
            "/etc/security/limits.d/90-bake-rdma.conf");
  expected.memlock_unlimited = false;
  EXPECT_EQ(check(), skipped("locked memory", "the bake did not change the limit"));
}

TEST(Verify, CloudInitLeavesTheNetworkAlone) {
  guest::MemoryGuest guest;
  plan::Expectations expected;
  const auto check = [&] {
    for (const auto& each : verify_guest(guest, {}, expected))
      if (each.rule == "network") return each;
    return Check{};
  };
  EXPECT_EQ(check(), skipped("network", "the bake did not change how the network is configured"));
  expected.network_config = "/etc/netplan/50-bake.yaml";
  EXPECT_EQ(check(), (Check{"network", false,
                            "/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg does not turn off cloud-init's "
                            "network configuration"}));
  guest.with_file("/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg", "network: {config: disabled}\n");
  EXPECT_EQ(check(), (Check{"network", false, "/etc/netplan/50-bake.yaml is missing"}));
  guest.with_file("/etc/netplan/50-bake.yaml",
                  "network:\n  ethernets:\n    eth0:\n      match:\n        macaddress: 00:0d:3a:00:11:22\n");
  EXPECT_EQ(check(), (Check{"network", false,
                            "/etc/netplan/50-bake.yaml has a MAC address or another property of one machine"}));
  guest.write("/etc/netplan/50-bake.yaml", "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n");
  EXPECT_EQ(check(),
            (Check{"network", true, "/etc/netplan/50-bake.yaml configures eth0; cloud-init leaves the network alone"}));
}

TEST(Verify, ALaterFileMayNotLimitLockedMemory) {
  guest::MemoryGuest guest;
  guest.with_file("/etc/security/limits.d/90-bake-rdma.conf", "* hard memlock unlimited\n* soft memlock unlimited\n")
      .with_file("/etc/security/limits.d/20-nproc.conf", "* soft nproc 4096\n* - memlock 64\n")
      .with_file("/etc/systemd/system.conf.d/90-bake-rdma.conf", "[Manager]\nDefaultLimitMEMLOCK=infinity\n")
      .with_file("/usr/lib/systemd/system.conf.d/10-base.conf", "[Manager]\nDefaultLimitMEMLOCK=64K\n");
  plan::Expectations expected;
  expected.memlock_unlimited = true;
  EXPECT_EQ(verify_locked_memory(guest, expected),
            (Check{"locked memory", true, "unlimited in sessions and services"}));
  guest.with_file("/etc/security/limits.d/99-site.conf", "* hard memlock 65536 # bytes\n")
      .with_file("/usr/lib/systemd/system.conf.d/95-site.conf", "[Manager]\nDefaultLimitMEMLOCK = 64K\n");
  EXPECT_EQ(verify_locked_memory(guest, expected),
            (Check{"locked memory", false,
                   "'* hard memlock 65536' in /etc/security/limits.d/99-site.conf limits it; "
                   "'DefaultLimitMEMLOCK=64K' in /usr/lib/systemd/system.conf.d/95-site.conf limits it"}));
}

/// A guest with bake's two files, which the tests change.
struct MemoryLimits {
  guest::MemoryGuest guest;
  plan::Expectations expected;

  MemoryLimits() {
    guest.with_file(plan::path::limits, "* hard memlock unlimited\n* soft memlock unlimited\n")
        .with_file(plan::path::service_limits, "# note\n[Manager]\nDefaultLimitMEMLOCK=infinity\n");
    expected.memlock_unlimited = true;
  }

  std::string evidence_with(const std::string& path, const std::string& text) {
    const auto before = guest.read(path);
    guest.with_file(path, text);
    const auto check = verify_locked_memory(guest, expected);
    guest.remove(path);
    if (before) guest.with_file(path, *before);
    return check.evidence;
  }
};

TEST(VerifyLockedMemory, ReadsLimitsAsPamDoes) {
  MemoryLimits image;
  const std::string path = "/etc/security/limits.d/99-site.conf";
  const std::string unlimited = "unlimited in sessions and services";
  for (const std::string line :
       {"* HARD memlock 64", "* soft MemLock 64", "* - MEMLOCK 64", "1000: hard memlock 64", "1000:2000 - MEMLOCK 64",
        ":1000 soft memlock 64", "@1000: hard memlock 64", "* hard memlock 64 unlimited"})
    EXPECT_EQ(image.evidence_with(path, line + "\n"), "'" + line + "' in " + path + " limits it") << line;
  for (const std::string line : {"* HARD memlock UNLIMITED", "1000: hard memlock unlimited", "* - memlock -",
                                 "@audio - memlock 64", "user hard memlock 64", "1000: hard nofile 64",
                                 "* hard memlock", "1000:x hard memlock 64", ": hard memlock 64"})
    EXPECT_EQ(image.evidence_with(path, line + "\n"), unlimited) << line;
  // A range counts before all users, in every file.
  EXPECT_EQ(image.evidence_with("/etc/security/limits.conf", "1000: hard memlock 64\n"),
            "'1000: hard memlock 64' in /etc/security/limits.conf limits it");
}

TEST(VerifyLockedMemory, TheLimitOfServicesMustBeInItsSection) {
  MemoryLimits image;
  const std::string path = plan::path::service_limits;
  const std::string missing = "'[Manager] DefaultLimitMEMLOCK=infinity' is not in " + path;
  EXPECT_EQ(image.evidence_with(path, "DefaultLimitMEMLOCK=infinity\n"), missing);
  EXPECT_EQ(image.evidence_with(path, "[Manager]\n[Other]\nDefaultLimitMEMLOCK=infinity\n"), missing);
  EXPECT_EQ(image.evidence_with(path, "[Manager]\nDefaultLimitMEMLOCK=infinity # x\n"),
            "'DefaultLimitMEMLOCK=infinity # x' in " + path + " limits it");
  EXPECT_EQ(image.evidence_with(path, "[Manager]\nLogLevel=info \\\nDefaultLimitMEMLOCK=infinity\n"),
            "'LogLevel=info \\' in " + path + " is not one line for systemd");
  EXPECT_EQ(image.evidence_with("/etc/systemd/system.conf.d/99.conf", "DefaultLimitMEMLOCK=64K\n"),
            "unlimited in sessions and services");
  EXPECT_EQ(image.evidence_with("/etc/systemd/system.conf.d/99.conf", "[Manager]\n# x\rDefaultLimitMEMLOCK=64K\n"),
            "'# x\\x0dDefaultLimitMEMLOCK=64K' in /etc/systemd/system.conf.d/99.conf is not one line for systemd");
}

TEST(Verify, AMaskedServiceIsNotEnabled) {
  guest::MemoryGuest guest;
  guest.with_handler([](const std::string& script) -> std::optional<guest::ShellResult> {
    if (script.find(".wants/openibd.service") == std::string::npos) return std::nullopt;
    return guest::ShellResult{0, "/etc/systemd/system/sysinit.target.wants/openibd.service\n"};
  });
  plan::Expectations expected;
  expected.services = {"openibd.service"};
  const auto check = [&] {
    for (const auto& each : verify_guest(guest, {}, expected))
      if (each.rule == "services") return each;
    return Check{};
  };
  const Check enabled{"services", true, "enabled: openibd.service"};
  EXPECT_EQ(check(), enabled);  // an init script
  guest.with_file("/usr/lib/systemd/system/openibd.service", "[Service]\n");
  EXPECT_EQ(check(), enabled);
  guest.with_link("/etc/systemd/system/openibd.service", "/dev/null");
  EXPECT_EQ(check(), (Check{"services", false, "/etc/systemd/system/openibd.service masks openibd.service"}));
  guest.make_link("../../../dev/null", "/etc/systemd/system/openibd.service");
  EXPECT_TRUE(check().failed());
  guest.make_link("/usr/lib/systemd/system/openibd.service", "/etc/systemd/system/openibd.service");
  EXPECT_EQ(check(), enabled);
  guest.remove("/etc/systemd/system/openibd.service");
  guest.with_file("/usr/local/lib/systemd/system/openibd.service", "");
  EXPECT_EQ(check(), (Check{"services", false, "/usr/local/lib/systemd/system/openibd.service masks openibd.service"}));
}

TEST(Verify, DpkgHoldsEveryPlannedPackage) {
  guest::MemoryGuest guest;
  guest.with_answer("dpkg --get-selections\n",
                    {0, "libibverbs1:amd64\thold\nlinux-azure\t\thold\nrdma-core\t\tinstall\n"});
  EXPECT_EQ(holds_check(guest, {{}, {"libibverbs1", "linux-azure"}}).status, Status::passed);
  EXPECT_EQ(holds_check(guest, {{}, {"libibverbs1", "rdma-core"}}).evidence,
            "not held: rdma-core in dpkg's selections");
}

/// The rules of `checks` with this status, and why: "agent: the bake did not set OS.EnableRDMA".
std::vector<std::string> rules_with(Status status, const std::vector<Check>& checks) {
  std::vector<std::string> rules;
  for (const auto& check : checks)
    if (check.status == status) rules.push_back(check.rule + ": " + check.evidence);
  return rules;
}

TEST(Verify, WhatTheBakeDidNotDoIsSkippedAndNotPassed) {
  guest::MemoryGuest guest;
  guest::Facts facts;
  facts.packages.format = "dpkg";
  EXPECT_EQ(rules_with(Status::skipped, verify_guest(guest, facts, {})),
            (std::vector<std::string>{
                "packages: the bake installed and removed no package",
                "dkms: the bake injected no module",
                "symbols: the bake injected no module",
                "weak-updates: the bake injected no module",
                "initramfs: the base has no tool that makes one",
                "kernel signature: the recipe has no 'secure_boot'",
                "module signatures: the recipe has no 'secure_boot'",
                "module signatures in the initramfs: the recipe has no 'secure_boot'",
                "module loading: the bake chose no module of the card",
                "services: the bake enabled and disabled no service",
                "agent: the bake did not set OS.EnableRDMA",
                "network: the bake did not change how the network is configured",
                "options: no option of the recipe writes a file",
                "customize: the recipe has no customize",
                "holds: the bake held no package",
                "locked memory: the bake did not change the limit",
                "ib-firstboot: the bake did not install it",
                "SELinux labels: SELinux is absent",
            }));
}

TEST(Verify, LabelsThatTheFirstBootSetsAreSkipped) {
  guest::MemoryGuest guest;
  guest.with_file("/.autorelabel");
  guest::Facts facts;
  facts.selinux.mode = "enforcing";
  EXPECT_EQ(rules_with(Status::skipped, verify_guest(guest, facts, {})).at(17),
            "SELinux labels: enforcing: the first boot labels every file (autorelabel)");
}

/// A guest whose `ls -dZ` reports `unlabelled` and whose setfiles, if it has one, reports `changes`.
struct LabelledGuest {
  guest::MemoryGuest guest;
  guest::Facts facts;
  plan::Expectations expected;
  std::string unlabelled, changes;
  std::string script;  ///< the one that listed the files

  LabelledGuest() {
    facts.selinux = {"enforcing", "targeted", "/etc/selinux/targeted/contexts/files/file_contexts", true};
    guest.with_handler([this](const std::string& text) -> std::optional<guest::ShellResult> {
      if (text.find("ls -dZ") != std::string::npos) return guest::ShellResult{0, "labelled 9\n" + unlabelled};
      if (text.find("sort -u") != std::string::npos && text.find("printf") != std::string::npos) script = text;
      if (text.find("setfiles -s") == std::string::npos) return std::nullopt;
      return guest::ShellResult{0, changes};
    });
  }

  Check check() {
    for (const auto& each : verify_guest(guest, facts, expected))
      if (each.rule == "SELinux labels") return each;
    return {};
  }
};

TEST(Verify, LabelsAreComparedWithThePolicyWhereTheGuestHasSetfiles) {
  LabelledGuest image;
  EXPECT_EQ(image.check(), (Check{"SELinux labels", true,
                                  "enforcing: every file of the injected packages and of bake has the label that the "
                                  "guest's policy names"}));
  image.changes = "Would relabel /usr/sbin/ib-firstboot from u:object_r:default_t:s0 to u:object_r:bin_t:s0\n";
  EXPECT_EQ(image.check(), (Check{"SELinux labels", false,
                                  "enforcing: wrong label: /usr/sbin/ib-firstboot (default_t instead of bin_t)"}));
  image.unlabelled = "? /etc/ib-firstboot.conf\n";
  EXPECT_EQ(image.check().evidence,
            "enforcing: no label: /etc/ib-firstboot.conf; wrong label: /usr/sbin/ib-firstboot (default_t instead of "
            "bin_t)");
  image.facts.selinux.has_setfiles = false;
  EXPECT_EQ(image.check(), (Check{"SELinux labels", false, "enforcing: no label: /etc/ib-firstboot.conf"}));
  image.unlabelled = "";
  EXPECT_EQ(image.check(),
            (Check{"SELinux labels", true, "enforcing: every file of the injected packages and of bake has a label"}));
}

TEST(Verify, LabelsOfEveryFileThatBakeWritesAreChecked) {
  LabelledGuest image;
  guest::Kernel kernel;
  kernel.release = "K";
  kernel.initramfs = "/boot/initramfs-K.img";
  image.facts.kernels = {kernel};
  image.facts.waagent = guest::Waagent{"2.2.46", "/etc/azure/waagent.conf", false, "waagent.service"};
  image.expected.kernel = "K";
  image.expected.packages = {{"ofed-scripts", "5.5", "x86_64"}};
  image.expected.hold = {{"/etc/yum.conf"}, {"kernel*"}};
  image.expected.network_config = "/etc/sysconfig/network-scripts/ifcfg-eth0";
  image.check();
  for (const auto* part :
       {"rpm -ql ofed-scripts", "/boot/initramfs-K.img", "/etc/azure/waagent.conf", "/etc/yum.conf", "ifcfg-eth0",
        "/etc/systemd/system/openibd.service.d/10-udev-settle.conf", "/etc/modules-load.d/bake-rdma.conf",
        "find /lib/modules/K/ ", "for tree in extra updates weak-updates"})
    EXPECT_THAT(image.script, ::testing::HasSubstr(part));
}

}  // namespace
}  // namespace bake::verify
