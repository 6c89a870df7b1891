#include "bake/plan/steps.hpp"

namespace bake::plan {
namespace {

// Each file names eth0 and no MAC address, so that it is right on every VM: ib0 and the synthetic eth1 have the same
// MAC address in the 6-byte form (https://github.com/canonical/cloud-init/issues/3660). The names are eth0 in Azure's
// gallery images, because udev has no other name for a device on VMBus.

NetworkConfig netplan() {
  return {"/etc/netplan/50-bake.yaml",
          "network:\n"
          "  version: 2\n"
          "  ethernets:\n"
          "    eth0:\n"
          "      dhcp4: true\n",
          {"/etc/netplan/50-cloud-init.yaml"}};
}

NetworkConfig interfaces() {
  return {"/etc/network/interfaces.d/50-bake.cfg",
          "auto eth0\n"
          "iface eth0 inet dhcp\n",
          {"/etc/network/interfaces.d/50-cloud-init.cfg"}};
}

/// The keys that both the network scripts and NetworkManager read.
NetworkConfig ifcfg() {
  return {"/etc/sysconfig/network-scripts/ifcfg-eth0",
          "DEVICE=eth0\n"
          "ONBOOT=yes\n"
          "BOOTPROTO=dhcp\n"
          "TYPE=Ethernet\n"
          "PEERDNS=yes\n",
          {"/etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection"}};
}

}  // namespace

void plan_network(const Inputs& inputs, Plan& plan) {
  if (inputs.recipe.configure.cloud_init_network || !inputs.facts.machine.cloud_init_network) return;
  if (inputs.facts.family == guest::Family::rpm)
    plan.network = ifcfg();
  else
    plan.network = inputs.facts.has_program("netplan") ? netplan() : interfaces();
}

}  // namespace bake::plan
