#include "bake/guest/config_link.hpp"

#include <gtest/gtest.h>

#include "bake/guest/memory.hpp"

namespace bake::guest {
namespace {

TEST(ConfigLink, MayLeadToItsNameBelowEtc) {
  MemoryGuest guest;
  guest.with_file("/etc/dnf/dnf.conf").with_link("/etc/yum.conf", "dnf/dnf.conf").with_file("/etc/waagent.conf");
  EXPECT_EQ(find_config_link(guest, "/etc/yum.conf"), (ConfigLink{"/etc/yum.conf", "dnf/dnf.conf", true}));
  EXPECT_EQ(find_config_link(guest, "/etc/waagent.conf"), std::nullopt);
  EXPECT_EQ(find_config_link(guest, "/etc/missing.conf"), std::nullopt);
}

TEST(ConfigLink, MayNotLeadElsewhere) {
  for (const std::string target : {"/etc/shadow", "shadow", "../root/waagent.conf", "/var/lib/waagent.conf"}) {
    MemoryGuest guest;
    guest.with_file("/etc/shadow").with_file("/root/waagent.conf").with_file("/var/lib/waagent.conf");
    guest.with_link("/etc/waagent.conf", target);
    EXPECT_EQ(find_config_link(guest, "/etc/waagent.conf"), (ConfigLink{"/etc/waagent.conf", target, false}));
  }
}

TEST(ConfigLink, MayNotBeAHardLink) {
  MemoryGuest guest;
  guest.with_file("/etc/waagent.conf").with_names("/etc/waagent.conf", 2);
  guest.with_file("/etc/dnf/dnf.conf").with_names("/etc/dnf/dnf.conf", 2).with_link("/etc/yum.conf", "dnf/dnf.conf");
  EXPECT_EQ(find_config_link(guest, "/etc/waagent.conf"), (ConfigLink{"/etc/waagent.conf", "", false}));
  EXPECT_EQ(find_config_link(guest, "/etc/yum.conf"), (ConfigLink{"/etc/yum.conf", "dnf/dnf.conf", false}));
}

TEST(ConfigLink, MayNotLeadToALink) {
  MemoryGuest guest;
  guest.with_file("/etc/shadow")
      .with_link("/etc/agent/waagent.conf", "/etc/shadow")
      .with_link("/etc/waagent.conf", "agent/waagent.conf");
  EXPECT_EQ(find_config_link(guest, "/etc/waagent.conf"),
            (ConfigLink{"/etc/waagent.conf", "agent/waagent.conf", false}));
}

}  // namespace
}  // namespace bake::guest
