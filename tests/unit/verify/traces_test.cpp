#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "bake/base/progress.hpp"
#include "bake/plan/steps.hpp"
#include "bake/verify/guest.hpp"
#include "tests/support/used_machine.hpp"

namespace bake::verify {
namespace {

/// A generalized guest, its facts, and what the manifest expects of it.
class VerifyTraces : public ::testing::Test {
 protected:
  VerifyTraces() {
    plan::Inputs inputs;
    inputs.recipe.generalize = true;
    inputs.facts = facts_ = testing::used_el(guest_);
    inputs.facts.machine = guest::find_machine(guest_, facts_);
    plan::Outcome outcome;
    plan::plan_generalize(inputs, outcome);
    SilentProgress progress;
    apply::generalize(outcome.plan, guest_, progress);
    expected_.generalized = true;
    expected_.removed_users = outcome.plan.removal.users;
    expected_.removed_host_name = outcome.plan.removal.host_name;
  }

  Check check() {
    facts_.machine = guest::find_machine(guest_, facts_);
    return verify_traces(guest_, facts_, expected_);
  }

  /// Returns the evidence after `path` came back with `text`; removes it again.
  std::string evidence_with(const std::string& path, const std::string& text = "x\n") {
    const auto before = guest_.read(path);
    guest_.with_file(path, text);
    const auto found = check();
    EXPECT_TRUE(found.failed()) << path;
    if (before)
      guest_.write(path, *before);
    else
      guest_.remove(path);
    return found.evidence;
  }

  guest::MemoryGuest guest_;
  guest::Facts facts_;
  plan::Expectations expected_;
};

TEST_F(VerifyTraces, NamesEverythingThatIsGone) {
  EXPECT_EQ(
      check(),
      (Check{"traces", true,
             "none of these is left: temporary file of the bake, private key that the base did not have, user "
             "azureuser, other provisioned users, root "
             "password, host name, MAC address, MAC address or host name, DNS servers, sudo rules of provisioned "
             "users, backups of the account files, SSH host keys, SSH keys of root, machine id, machine id of "
             "D-Bus, DHCP leases, interface names, data of the Azure Linux agent, firewall unit of the agent, "
             "resource limits of the agent, state of cloud-init, RHEL subscription, state of ib-firstboot, random "
             "seed, shell history, journal, temporary files, logs"}));
}

TEST_F(VerifyTraces, FindsEachThingThatCameBack) {
  EXPECT_EQ(evidence_with("/.bake-payload-0/x"), "left: /.bake-payload-0 (temporary file of the bake)");
  guest_.remove("/.bake-payload-0");
  EXPECT_EQ(evidence_with("/var/spool/cron/azureuser"), "left: /var/spool/cron/azureuser (user azureuser)");
  EXPECT_EQ(evidence_with("/etc/passwd", "azureuser:x:1000:1000::/home/azureuser:/bin/sh\n"),
            "left: /etc/passwd (user azureuser)");
  EXPECT_EQ(evidence_with("/etc/shadow", "root:$6$s$h:1::::::\n"), "left: /etc/shadow (root password)");
  EXPECT_EQ(evidence_with("/etc/hosts", "10.0.0.4 build-vm\n"), "left: /etc/hosts (host name)");
  EXPECT_EQ(evidence_with("/etc/hostname", "another\n"), "left: /etc/hostname (host name)");
  EXPECT_EQ(evidence_with("/etc/sysconfig/network-scripts/ifcfg-eth0", "HWADDR=00:0d:3a:11:22:33\n"),
            "left: /etc/sysconfig/network-scripts/ifcfg-eth0 (MAC address or host name)");
  EXPECT_EQ(evidence_with("/etc/resolv.conf"), "left: /etc/resolv.conf (DNS servers)");
  EXPECT_EQ(evidence_with("/etc/ssh/ssh_host_rsa_key"), "left: /etc/ssh/ssh_host_rsa_key (SSH host keys)");
  EXPECT_EQ(evidence_with("/etc/machine-id"), "left: /etc/machine-id (machine id)");
  EXPECT_EQ(evidence_with("/var/lib/waagent/provisioned"),
            "left: /var/lib/waagent/provisioned (data of the Azure Linux agent)");
  EXPECT_EQ(evidence_with("/etc/pki/consumer/cert.pem"), "left: /etc/pki/consumer/cert.pem (RHEL subscription)");
  EXPECT_EQ(evidence_with("/var/log/messages"), "left: /var/log/messages (logs)");
  EXPECT_FALSE(check().failed());
}

TEST_F(VerifyTraces, FindsAProgramThatWasPutAside) {
  EXPECT_EQ(evidence_with("/usr/bin/dracut.bake-aside"),
            "left: /usr/bin/dracut.bake-aside (temporary file of the bake)");
}

TEST_F(VerifyTraces, FindsAnotherProvisionedUser) {
  guest_.with_file("/etc/sudoers.d/waagent", "hpcadmin ALL=(ALL) ALL\n");
  EXPECT_EQ(check().evidence,
            "left: hpcadmin (other provisioned users), /etc/sudoers.d/waagent (sudo rules of provisioned users)");
}

TEST_F(VerifyTraces, FindsAPrivateKeyThatTheBaseDidNotHave) {
  expected_.generalized = false;
  expected_.private_keys = facts_.private_keys = {"/root/MOK.priv"};
  EXPECT_FALSE(check().failed());
  facts_.private_keys.emplace_back("/var/lib/dkms/mok.key");
  EXPECT_EQ(check(), (Check{"traces", false, "left: /var/lib/dkms/mok.key (private key that the base did not have)"}));
}

TEST_F(VerifyTraces, ASpecializedImageKeepsItsMachine) {
  guest_.with_file("/etc/ssh/ssh_host_rsa_key", "x");
  expected_.generalized = false;
  EXPECT_EQ(check(), (Check{"traces", true,
                            "none of these is left: temporary file of the bake, private key that the base did not "
                            "have; the bake did not generalize the image"}));
}

}  // namespace
}  // namespace bake::verify
