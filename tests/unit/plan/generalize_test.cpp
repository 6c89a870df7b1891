#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/plan/steps.hpp"
#include "tests/support/used_machine.hpp"

namespace bake::plan {
namespace {

using guest::FileStat;
using guest::FileType;
using guest::MachineFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

guest::ProvisionedUser user(const std::string& name, std::uint32_t uid, const std::string& home) {
  return {{name, uid, home}, {"/var/lib/waagent/ovf-env.xml"}, FileStat{FileType::directory, 0700, 0, uid, uid}};
}

Inputs inputs_with(const guest::ProvisionedUser& provisioned) {
  Inputs inputs;
  inputs.recipe.generalize = true;
  inputs.facts.programs = {"userdel"};
  inputs.facts.layout.mounts = {{"/dev/sda1", "xfs", "/", 0, 0, ""}};
  inputs.facts.machine.accounts = {{"root", 0, "/root"}, {"hpc", 1500, "/home/hpc"}, provisioned.account};
  inputs.facts.machine.users = {provisioned};
  return inputs;
}

std::vector<std::string> refusals_of(const Inputs& inputs) {
  Outcome outcome;
  plan_generalize(inputs, outcome);
  std::vector<std::string> messages;
  for (const auto& refusal : outcome.refusals) {
    EXPECT_EQ(refusal.kind, ErrorKind::incompatible);
    EXPECT_EQ(refusal.problem.where, "generalize");
    EXPECT_THAT(refusal.problem.hint, HasSubstr(", or leave 'generalize' out of the recipe"));
    messages.push_back(refusal.problem.message);
  }
  return messages;
}

std::string refusal_of(const guest::ProvisionedUser& provisioned) {
  const auto messages = refusals_of(inputs_with(provisioned));
  EXPECT_EQ(messages.size(), 1U);
  return messages.empty() ? "" : messages.front();
}

TEST(Generalize, ListsEveryRemoval) {
  guest::MemoryGuest guest;
  Inputs inputs;
  inputs.recipe.generalize = true;
  inputs.facts = testing::used_el(guest);
  inputs.facts.machine = guest::find_machine(guest, inputs.facts);
  Outcome outcome;
  plan_generalize(inputs, outcome);
  EXPECT_TRUE(outcome.ok());
  EXPECT_THAT(outcome.plan.removal.users,
              ElementsAre(guest::Account{"azureuser", 1000, "/home/azureuser", "/bin/bash"}));
  EXPECT_EQ(outcome.plan.removal.host_name, "build-vm");
  const auto text = to_text(outcome);
  EXPECT_THAT(text, HasSubstr("generalize (removes)\n"
                              "  user azureuser (uid 1000, named by /var/lib/waagent/ovf-env.xml and "
                              "/etc/sudoers.d/waagent and /etc/sudoers.d/90-cloud-init-users): /home/azureuser\n"
                              "  root password: /etc/shadow\n"
                              "  host name build-vm: /etc/hostname, /etc/hosts\n"
                              "  MAC address or host name: /etc/sysconfig/network-scripts/ifcfg-eth0\n"
                              "  MAC address: /etc/NetworkManager/system-connections/a.nmconnection\n"
                              "  DNS servers: /etc/resolv.conf\n"
                              "  sudo rules of provisioned users: /etc/sudoers.d/90-cloud-init-users, "
                              "/etc/sudoers.d/waagent\n"));
  EXPECT_THAT(text, HasSubstr("  logs: /var/log\nfiles\n"));
  const auto json = to_json(outcome);
  EXPECT_EQ(json.at("configure").at("removals").at(1),
            (nlohmann::ordered_json{{"what", "root password"}, {"paths", {"/etc/shadow"}}}));
}

TEST(Generalize, ShowsOnlyTheFirstOfManyPaths) {
  Inputs inputs;
  inputs.recipe.generalize = true;
  inputs.facts.machine.data = {{"DHCP leases", {"/a", "/b", "/c", "/d", "/e", "/f", "/g"}}};
  Outcome outcome;
  plan_generalize(inputs, outcome);
  EXPECT_THAT(to_text(outcome), HasSubstr("  DHCP leases: /a, /b, /c, /d, /e and 2 more\n"));
}

TEST(Generalize, RemovesNothingWithoutTheKey) {
  auto inputs = inputs_with(user("azureuser", 999, "/home/azureuser"));
  inputs.recipe.generalize = false;
  Outcome outcome;
  plan_generalize(inputs, outcome);
  EXPECT_TRUE(outcome.ok());
  EXPECT_FALSE(outcome.plan.generalize);
  EXPECT_THAT(outcome.plan.removal.users, IsEmpty());
  EXPECT_THAT(outcome.plan.removal.removals, IsEmpty());
}

TEST(Generalize, RefusesAUserThatMayBeASystemAccount) {
  EXPECT_EQ(refusal_of(user("azureuser", 999, "/home/azureuser")),
            "user 'azureuser' (named by /var/lib/waagent/ovf-env.xml) cannot be removed: it cannot be told apart from "
            "a system account (uid 999, UID_MIN of /etc/login.defs is 1000)");
  EXPECT_THAT(refusal_of(user("azureuser", 1500, "/home/azureuser")), HasSubstr("account 'hpc' has the same uid 1500"));
  EXPECT_THAT(refusal_of(user("-rf", 1000, "/home/x")), HasSubstr("its name is not a plain word"));
  EXPECT_THAT(refusal_of(user("../etc", 1000, "/home/x")), HasSubstr("its name is not a plain word"));
}

TEST(Generalize, RefusesAHomeThatIsNotTheUsersOwn) {
  EXPECT_THAT(refusal_of(user("a", 1000, "/")), HasSubstr("its home '/' is a directory of the system"));
  EXPECT_THAT(refusal_of(user("a", 1000, "/srv")), HasSubstr("its home '/srv' is a directory of the system"));
  EXPECT_THAT(refusal_of(user("a", 1000, "/usr/share/a")), HasSubstr("is a directory of the system"));
  EXPECT_THAT(refusal_of(user("a", 1000, "/home/../etc")), HasSubstr("is a directory of the system"));
  EXPECT_THAT(refusal_of(user("a", 1000, "/home/hpc")), HasSubstr("its home '/home/hpc' contains the home of 'hpc'"));
  auto others = user("a", 1000, "/home/a");
  others.home->uid = 1500;
  EXPECT_THAT(refusal_of(others), HasSubstr("its home '/home/a' belongs to uid 1500"));
  auto below_link = user("a", 1000, "/home/a");
  below_link.link_above_home = "/home";
  EXPECT_THAT(refusal_of(below_link), HasSubstr("its home '/home/a' is below the link '/home'"));
  auto link = user("a", 1000, "/home/a");
  link.home->type = FileType::symlink;
  EXPECT_THAT(refusal_of(link), HasSubstr("its home '/home/a' is not a directory"));
}

TEST(Generalize, RefusesAHomeOnAFileSystemThatIsNotMounted) {
  auto inputs = inputs_with(user("a", 1000, "/home/a"));
  inputs.facts.machine.users[0].home.reset();
  EXPECT_THAT(refusals_of(inputs), IsEmpty());
  inputs.facts.machine.unmounted = {"/data", "/home"};
  EXPECT_THAT(refusals_of(inputs),
              ElementsAre(HasSubstr("its home '/home/a' is on the file system of /home, which is not mounted")));
}

TEST(Generalize, RefusesAHomeWithAMountPoint) {
  auto inputs = inputs_with(user("a", 1000, "/home/a"));
  inputs.facts.layout.mounts.push_back({"/dev/sda3", "xfs", "/home/a/data", 0, 0, ""});
  EXPECT_THAT(refusals_of(inputs), ElementsAre(HasSubstr("contains the mount point /home/a/data")));
}

TEST(Generalize, RefusesWhatBakeCannotChange) {
  auto inputs = inputs_with(user("a", 1000, "/home/a"));
  inputs.facts.programs.clear();
  inputs.facts.machine.files = {{"/etc/netplan/x.yaml", "MAC address", MachineFile::Treatment::blocked}};
  inputs.facts.machine.immutable = {"/etc/resolv.conf"};
  inputs.facts.machine.moved_folders = {"Lib.Dir=/data/agent"};
  EXPECT_THAT(
      refusals_of(inputs),
      ElementsAre("waagent.conf says Lib.Dir=/data/agent, and bake does not look for the agent's data there",
                  "the guest has no userdel to remove user 'a'",
                  "the MAC address in '/etc/netplan/x.yaml' cannot be removed without another name for the interface",
                  "'/etc/resolv.conf' cannot be removed or changed: its attributes (lsattr) make it immutable"));
}

TEST(Generalize, CountsImmutableFilesBehindTheFirstTwenty) {
  auto inputs = inputs_with(user("a", 1000, "/home/a"));
  for (int i = 0; i < 1500; ++i) inputs.facts.machine.immutable.push_back("/var/log/" + std::to_string(i));
  const auto messages = refusals_of(inputs);
  ASSERT_EQ(messages.size(), 21U);
  EXPECT_EQ(messages.front(), "'/var/log/0' cannot be removed or changed: its attributes (lsattr) make it immutable");
  EXPECT_EQ(messages.back(), "1480 more files have attributes (lsattr) that make them immutable");
}

}  // namespace
}  // namespace bake::plan
