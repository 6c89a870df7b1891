// `cloud_init_network: false`: bake configures eth0 instead of cloud-init.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/plan/files.hpp"
#include "bake/plan/steps.hpp"

namespace bake::plan {
namespace {

using guest::MachineFile;
using ::testing::ElementsAre;

Inputs inputs_for(guest::Family family, const std::set<std::string>& programs) {
  Inputs inputs;
  inputs.recipe.configure.cloud_init_network = false;
  inputs.facts.family = family;
  inputs.facts.programs = programs;
  inputs.facts.machine.cloud_init_network = true;
  return inputs;
}

NetworkConfig network_of(const Inputs& inputs) {
  Plan plan;
  plan_network(inputs, plan);
  return plan.network;
}

TEST(PlanNetwork, ConfiguresEth0AsTheGuestDoes) {
  const auto netplan = network_of(inputs_for(guest::Family::deb, {"netplan"}));
  EXPECT_EQ(netplan.file, "/etc/netplan/50-bake.yaml");
  EXPECT_EQ(netplan.text, "network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n");
  EXPECT_THAT(netplan.replaced, ElementsAre("/etc/netplan/50-cloud-init.yaml"));
  const auto interfaces = network_of(inputs_for(guest::Family::deb, {}));
  EXPECT_EQ(interfaces.file, "/etc/network/interfaces.d/50-bake.cfg");
  EXPECT_EQ(interfaces.text, "auto eth0\niface eth0 inet dhcp\n");
  EXPECT_THAT(interfaces.replaced, ElementsAre("/etc/network/interfaces.d/50-cloud-init.cfg"));
  const auto ifcfg = network_of(inputs_for(guest::Family::rpm, {}));
  EXPECT_EQ(ifcfg.file, "/etc/sysconfig/network-scripts/ifcfg-eth0");
  EXPECT_EQ(ifcfg.text, "DEVICE=eth0\nONBOOT=yes\nBOOTPROTO=dhcp\nTYPE=Ethernet\nPEERDNS=yes\n");
  EXPECT_THAT(ifcfg.replaced, ElementsAre("/etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection"));
}

TEST(PlanNetwork, LeavesTheNetworkAloneUnlessCloudInitWouldConfigureIt) {
  auto inputs = inputs_for(guest::Family::rpm, {});
  inputs.facts.machine.cloud_init_network = false;
  EXPECT_TRUE(network_of(inputs).empty());
  inputs = inputs_for(guest::Family::rpm, {});
  inputs.recipe.configure.cloud_init_network = true;
  EXPECT_TRUE(network_of(inputs).empty());
}

TEST(PlanNetwork, GeneralizeNeedNotEditAFileThatIsReplaced) {
  auto inputs = inputs_for(guest::Family::deb, {"netplan"});
  inputs.recipe.generalize = true;
  inputs.facts.machine.files = {{"/etc/netplan/50-cloud-init.yaml", "MAC address", MachineFile::Treatment::blocked},
                                {"/etc/hostname", "host name", MachineFile::Treatment::edit}};
  Outcome outcome;
  plan_network(inputs, outcome.plan);
  plan_generalize(inputs, outcome);
  EXPECT_TRUE(outcome.ok());
  ASSERT_EQ(outcome.plan.removal.files.size(), 1U);
  EXPECT_EQ(outcome.plan.removal.files[0].path, "/etc/hostname");
}

}  // namespace
}  // namespace bake::plan
