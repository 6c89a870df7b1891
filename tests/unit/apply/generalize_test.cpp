#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
#include "bake/plan/steps.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/used_machine.hpp"

namespace bake::apply {
namespace {

using ::testing::Contains;
using ::testing::Not;

/// Plans the guest and applies the step; returns the plan.
plan::Plan generalize_guest(guest::MemoryGuest& guest, const guest::Facts& facts) {
  plan::Inputs inputs;
  inputs.recipe.generalize = true;
  inputs.facts = facts;
  inputs.facts.machine = guest::find_machine(guest, facts);
  plan::Outcome outcome;
  plan::plan_generalize(inputs, outcome);
  EXPECT_TRUE(outcome.ok());
  SilentProgress progress;
  generalize(outcome.plan, guest, progress);
  return outcome.plan;
}

TEST(ApplyGeneralize, RemovesTheUserWithEverythingThatBelongsToIt) {
  guest::MemoryGuest guest;
  generalize_guest(guest, testing::used_el(guest));
  EXPECT_THAT(guest.scripts(), Contains("userdel azureuser 2>&1\n"));
  for (const auto* path : {"/home/azureuser", "/var/spool/cron/azureuser", "/etc/sudoers.d/waagent",
                           "/etc/sudoers.d/90-cloud-init-users", "/etc/passwd-", "/etc/shadow-", "/etc/group-"})
    EXPECT_FALSE(guest.stat(path)) << path;
  EXPECT_EQ(guest.read("/etc/shadow"), "root:*LOCK*:19000:0:99999:7:::\nhpcadmin:!:19000::::::\n");
  EXPECT_EQ(guest.stat("/etc/shadow")->mode, 0640U);
}

TEST(ApplyGeneralize, KeepsWhatBelongsToTheImage) {
  guest::MemoryGuest guest;
  const auto facts = testing::used_el(guest);
  guest.with_file("/usr/lib/systemd/system/datadog-agent.service.d/10-limits.conf", "kept\n");
  generalize_guest(guest, facts);
  for (const auto* path :
       {"/home/hpcadmin/site.conf", "/usr/lib/systemd/system/datadog-agent.service.d/10-limits.conf", "/root/.bashrc",
        "/etc/ssh/sshd_config", "/etc/pki/rhui/content.crt", "/var/lib/rhsm/productid.js",
        "/var/lib/cloud/scripts/per-boot/site.sh", "/usr/lib/systemd/system/waagent.service"})
    EXPECT_EQ(guest.read(path), "kept\n") << path;
  EXPECT_EQ(guest.read("/etc/sudoers.d/site"), "hpcadmin ALL=(ALL) ALL\n");
  EXPECT_EQ(guest.read_link("/etc/udev/rules.d/75-persistent-net-generator.rules"), "/dev/null");
  EXPECT_TRUE(guest.exists("/var/lib/waagent"));
  EXPECT_TRUE(guest.exists("/tmp"));
}

TEST(ApplyGeneralize, RemovesNamesAndAddressesOfEl) {
  guest::MemoryGuest guest;
  generalize_guest(guest, testing::used_el(guest));
  EXPECT_EQ(guest.read("/etc/hostname"), "localhost.localdomain\n");
  EXPECT_EQ(guest.read("/etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
  EXPECT_EQ(guest.read("/etc/machine-id"), "");
  EXPECT_EQ(guest.read("/etc/sysconfig/network-scripts/ifcfg-eth0"), "DEVICE=eth0\nBOOTPROTO=dhcp\n");
  EXPECT_EQ(guest.read("/etc/NetworkManager/system-connections/a.nmconnection"), "[ethernet]\n[ipv4]\nmethod=auto\n");
  for (const auto* path : {"/etc/resolv.conf",
                           "/root/.ssh",
                           "/root/.bash_history",
                           "/home/hpcadmin/.bash_history",
                           "/etc/ssh/ssh_host_rsa_key",
                           "/etc/ssh/ssh_host_rsa_key.pub",
                           "/etc/ssh/ssh_host_rsa_key-cert.pub",
                           "/var/lib/dhclient/dhclient-eth0.leases",
                           "/var/lib/NetworkManager/internal-eth0.lease",
                           "/var/lib/waagent/ovf-env.xml",
                           "/var/lib/waagent/.hidden",
                           "/var/lib/waagent/WALinuxAgent-2.9.1.1",
                           "/etc/systemd/system/waagent-network-setup.service",
                           "/etc/systemd/system/network.target.wants/waagent-network-setup.service",
                           "/usr/lib/systemd/system/waagent.service.d/11-CPUAccounting.conf",
                           "/etc/pki/consumer/cert.pem",
                           "/etc/pki/entitlement/1-key.pem",
                           "/var/lib/rhsm/facts/facts.json",
                           "/var/lib/cloud/instance",
                           "/var/lib/cloud/instances",
                           "/etc/udev/rules.d/70-persistent-net.rules",
                           "/var/log/azure/script",
                           "/tmp/left"})
    EXPECT_FALSE(guest.stat(path)) << path;
}

TEST(ApplyGeneralize, RemovesCloudInitsNetplanFileOrItsMacAddresses) {
  guest::MemoryGuest guest;
  generalize_guest(guest, testing::used_ubuntu(guest));
  EXPECT_FALSE(guest.stat("/etc/netplan/50-cloud-init.yaml"));
  EXPECT_EQ(guest.read_link("/etc/resolv.conf"), "../run/systemd/resolve/stub-resolv.conf");
  EXPECT_EQ(guest.read("/etc/dhcp/dhclient.conf"), "send host-name = gethostname();\n");

  guest::MemoryGuest disabled;
  const auto facts = testing::used_ubuntu(disabled);
  disabled.with_file("/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg", "network: {config: disabled}\n");
  generalize_guest(disabled, facts);
  EXPECT_EQ(disabled.read("/etc/netplan/50-cloud-init.yaml"),
            "network:\n    version: 2\n    ethernets:\n        eth0:\n            dhcp4: true\n");
}

TEST(ApplyGeneralize, RemovesWhatTheBakeItselfAdds) {
  guest::MemoryGuest guest;
  plan::Plan plan;
  plan.generalize = true;
  testing::answer_scripts(guest);
  guest.with_file("/etc/ssh/ssh_host_ecdsa_key", "made by a package's script")
      .with_file("/var/log/dnf.log", "x")
      .with_file("/etc/machine-id", "made by a package's script\n");
  SilentProgress progress;
  generalize(plan, guest, progress);
  EXPECT_FALSE(guest.stat("/etc/ssh/ssh_host_ecdsa_key"));
  EXPECT_EQ(guest.read("/var/log/dnf.log"), "");
  EXPECT_EQ(guest.read("/etc/machine-id"), "");
}

TEST(ApplyGeneralize, ChangesNothingTheSecondTime) {
  guest::MemoryGuest guest;
  const auto facts = testing::used_el(guest);
  generalize_guest(guest, facts);
  const auto paths = guest.paths();
  const auto shadow = guest.read("/etc/shadow");
  const auto plan = generalize_guest(guest, facts);
  EXPECT_EQ(guest.paths(), paths);
  EXPECT_EQ(guest.read("/etc/shadow"), shadow);
  EXPECT_THAT(plan.removal.removals, ::testing::ElementsAre(plan::Removal{"logs", {"/var/log"}}));
}

TEST(ApplyGeneralize, DoesNothingOnAGuestWithoutTraces) {
  guest::MemoryGuest guest;
  testing::answer_scripts(guest);
  guest.with_file("/etc/hostname", "localhost.localdomain\n").with_file("/etc/shadow", "root:*:19000::::::\n");
  const auto paths = guest.paths();
  generalize_guest(guest, {});
  EXPECT_EQ(guest.paths(), paths);
  EXPECT_THAT(guest.scripts(), Not(Contains(::testing::HasSubstr("userdel"))));
}

TEST(ApplyGeneralize, FailsWhenUserdelFails) {
  guest::MemoryGuest guest;
  plan::Plan plan;
  plan.generalize = true;
  plan.removal.users = {{"azureuser", 1000, "/home/azureuser"}};
  guest.with_handler([](const std::string&) { return guest::ShellResult{1, "userdel: cannot lock /etc/passwd\n"}; });
  SilentProgress progress;
  EXPECT_EQ(error_of([&] { generalize(plan, guest, progress); }).message(),
            "removing user 'azureuser': exit status 1: userdel: cannot lock /etc/passwd");
}

}  // namespace
}  // namespace bake::apply
