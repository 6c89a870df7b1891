#include "bake/guest/machine_text.hpp"

#include <gtest/gtest.h>

namespace bake::guest {
namespace {

using Names = std::vector<std::string>;

TEST(MachineText, ReadsAccounts) {
  EXPECT_EQ(parse_accounts("root:x:0:0:root:/root:/bin/bash\n#old:x:1:1::/:/bin/sh\n+::::::\nbroken\n"
                           "x:x:12a:1::/home/x:/bin/sh\na:x:1000:1000:A,,,:/home/a/:/bin/bash\n"),
            (std::vector<Account>{{"root", 0, "/root", "/bin/bash"}, {"a", 1000, "/home/a", "/bin/bash"}}));
}

TEST(MachineText, ReadsTheUsersOfSudoRules) {
  EXPECT_EQ(users_of_sudoers("# User rules for a\na ALL=(ALL) NOPASSWD:ALL\nb,c ALL=(ALL) ALL\na ALL=(ALL) ALL\n"
                             "%wheel ALL=(ALL) ALL\n#1000 ALL=(ALL) ALL\nroot ALL=(ALL) ALL\nDefaults:a !tty\n"
                             "User_Alias X = d\n@includedir /etc/x\n\n"),
            (Names{"a", "b", "c"}));
}

TEST(MachineText, ReadsTheUserOfAnOvfEnvironment) {
  EXPECT_EQ(user_of_ovf("<a:UserName>azureuser</a:UserName><a:UserPassword>x</a:UserPassword>"), "azureuser");
  EXPECT_EQ(user_of_ovf("<UserName> hpc </UserName>"), "hpc");
  EXPECT_EQ(user_of_ovf("<UserName xmlns=\"x\">hpc</UserName>"), "hpc");
  EXPECT_EQ(user_of_ovf("<UserNames>x</UserNames><HostUserName>y</HostUserName>"), "");
  EXPECT_EQ(user_of_ovf("<UserName"), "");
  EXPECT_EQ(user_of_ovf(""), "");
  EXPECT_EQ(user_of_ovf("<UserName>" + std::string(1U << 20U, 'x')).size(), 1U << 20U) << "hostile input";
}

TEST(MachineText, LocksRootAndNothingElse) {
  const auto edited = [](const std::string& text) { return without_machine("/etc/shadow", text, ""); };
  EXPECT_EQ(edited("root:$6$s$h:19000:0:99999:7:::\na:$6$s$h:19000::::::\n"),
            "root:*LOCK*:19000:0:99999:7:::\na:$6$s$h:19000::::::\n");
  EXPECT_EQ(edited("root::19000::::::\n"), "root:*LOCK*:19000::::::\n") << "an empty password lets everybody in";
  EXPECT_EQ(edited("root:!$6$s$h:19000::::::\n"), "root:*LOCK*:19000::::::\n") << "the hash of a locked password";
  for (const std::string locked : {"root:*:19000::::::\n", "root:!:19000::::::\n", "root:!!:19000::::::\n",
                                   "root:*LOCK*:14600::::::\n", "root:!locked::0:99999:7:::\n"})
    EXPECT_EQ(edited(locked), locked);
}

TEST(MachineText, RemovesTheHostName) {
  EXPECT_EQ(without_machine("/etc/hostname", "build-vm\n", "build-vm"), "localhost.localdomain\n");
  EXPECT_EQ(without_machine("/etc/hostname", "localhost\n", ""), "localhost\n");
  EXPECT_EQ(without_machine("/etc/hosts",
                            "127.0.0.1 localhost build-vm # own\n10.0.0.4\tbuild-vm.example.org build-vm\n"
                            "10.0.0.5 build-vm2\n# build-vm\n",
                            "build-vm.example.org"),
            "127.0.0.1 localhost\n10.0.0.5 build-vm2\n# build-vm\n");
  EXPECT_EQ(without_machine("/etc/hosts", "10.0.0.4 x\n", ""), "10.0.0.4 x\n");
  EXPECT_EQ(without_machine("/etc/dhcp/dhclient.conf",
                            "send host-name \"build-vm\";\nsend host-name = gethostname();\n"
                            "send host-name \"<hostname>\";\nsend host-name \"localhost.localdomain\";\n",
                            "build-vm"),
            "send host-name = gethostname();\nsend host-name \"<hostname>\";\n"
            "send host-name \"localhost.localdomain\";\n");
}

TEST(MachineText, KeepsTheLinesOfLocalhost) {
  const std::string hosts = "127.0.0.1 localhost\n::1 localhost\n";
  EXPECT_EQ(without_machine("/etc/hosts", hosts, "localhost.internal"), hosts);
}

TEST(MachineText, RemovesMacAddressesOfRedHatsFiles) {
  EXPECT_EQ(without_machine("/etc/sysconfig/network-scripts/ifcfg-eth0",
                            "DEVICE=eth0\nHWADDR=\"00:0d:3a:11:22:33\"\n  DHCP_HOSTNAME='vm'\nHOSTNAME=vm\n#HWADDR=x\n",
                            "vm"),
            "DEVICE=eth0\n#HWADDR=x\n");
  EXPECT_EQ(without_machine("/etc/sysconfig/network", "HOSTNAME=localhost.localdomain\n", ""),
            "HOSTNAME=localhost.localdomain\n");
  EXPECT_EQ(without_machine("/etc/NetworkManager/system-connections/x.nmconnection",
                            "[ethernet]\nmac-address=00:0D:3A:11:22:33\n[ipv4]\n", ""),
            "[ethernet]\n[ipv4]\n");
  EXPECT_EQ(without_machine("/etc/NetworkManager/system-connections/Wired connection 1",
                            "[802-3-ethernet]\nmac-address=00:0D:3A:11:22:33\nHOSTNAME=vm\n", "vm"),
            "[802-3-ethernet]\nHOSTNAME=vm\n");
}

std::optional<std::string> netplan(const std::string& text) { return without_machine("/etc/netplan/x.yaml", text, ""); }

TEST(MachineText, MatchesNetplanInterfacesByTheirNames) {
  EXPECT_EQ(netplan("network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n      match:\n"
                    "        driver: hv_netvsc\n        macaddress: 00:0d:3a:11:22:33\n      set-name: eth0\n"
                    "    eth1:\n      set-name: eth1\n      match:\n        macaddress: '00:0d:3a:11:22:34'\n"
                    "      dhcp4: false\n"),
            "network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n    eth1:\n      dhcp4: false\n");
  EXPECT_EQ(netplan("network:\n  ethernets:\n    eth0:\n      macaddress: 00:0d:3a:11:22:33\n      dhcp4: true\n"),
            "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n");
  // A blank line, a comment in the first column, and a comment after the name.
  EXPECT_EQ(netplan("network:\n  ethernets:\n    eth0: # primary\n\n# from the host\n      match:\n"
                    "        macaddress: 00:0d:3a:11:22:33\n      set-name: eth0\n      dhcp4: true\n"),
            "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n");
  const std::string by_driver = "network:\n  ethernets:\n    any:\n      match:\n        driver: hv_netvsc\n";
  EXPECT_EQ(netplan(by_driver), by_driver);
  EXPECT_EQ(netplan("# macaddress: 00:0d:3a:11:22:33\nnetwork: {}\n"),
            "# macaddress: 00:0d:3a:11:22:33\nnetwork: {}\n");
}

TEST(MachineText, CannotRemoveAMacAddressOnWhichAnInterfaceNameDepends) {
  const std::string head = "network:\n  ethernets:\n    ";
  EXPECT_EQ(netplan(head + "lan:\n      match:\n        macaddress: 00:0d:3a:11:22:33\n      set-name: eth0\n"),
            std::nullopt);
  EXPECT_EQ(netplan(head + "lan:\n      match:\n        macaddress: 00:0d:3a:11:22:33\n"), std::nullopt);
  EXPECT_EQ(netplan(head + "eth0:\n      match: {macaddress: \"00:0d:3a:11:22:33\"}\n"), std::nullopt);
  std::string hostile(1U << 20U, '\n');
  hostile += "macaddress: 00:0d:3a:11:22:33\n";
  EXPECT_EQ(netplan(hostile), std::nullopt);
}

TEST(MachineText, FindsADisabledNetworkConfiguration) {
  EXPECT_TRUE(disables_network("network: {config: disabled}\n"));
  EXPECT_TRUE(disables_network("x: 1\nnetwork:\n  config: \"disabled\"\n"));
  EXPECT_FALSE(disables_network("network:\n  version: 2\n"));
  EXPECT_FALSE(disables_network(""));
}

}  // namespace
}  // namespace bake::guest
