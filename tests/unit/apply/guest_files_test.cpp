#include "bake/apply/guest_files.hpp"

#include <gtest/gtest.h>

#include "bake/guest/memory.hpp"
#include "tests/support/error_of.hpp"

namespace bake::apply {
namespace {

TEST(GuestFiles, AFileOfBakeReplacesALink) {
  guest::MemoryGuest guest;
  guest.with_file("/etc/passwd", "root:x:0:0").with_link("/etc/bake-manifest.json", "/etc/passwd");
  write_own_file(guest, "/etc/bake-manifest.json", "{}");
  EXPECT_EQ(guest.read("/etc/passwd"), "root:x:0:0");
  EXPECT_EQ(guest.read("/etc/bake-manifest.json"), "{}");
  EXPECT_EQ(guest.read_link("/etc/bake-manifest.json"), std::nullopt);
}

TEST(GuestFiles, AFileOfBakeIsRoots) {
  guest::MemoryGuest guest;
  guest.with_file("/usr/sbin/ib-firstboot", "old", 0777).with_owner("/usr/sbin/ib-firstboot", 1000, 1000);
  write_own_file(guest, "/usr/sbin/ib-firstboot", "new", 0755);
  const auto stat = guest.stat("/usr/sbin/ib-firstboot");
  EXPECT_EQ(stat->uid, 0U);
  EXPECT_EQ(stat->mode, 0755U);
}

TEST(GuestFiles, AConfigurationFileMayBeALinkToItsNameBelowEtc) {
  guest::MemoryGuest guest;
  guest.with_file("/etc/dnf/dnf.conf", "[main]\n").with_link("/etc/yum.conf", "dnf/dnf.conf");
  write_config_file(guest, "/etc/yum.conf", "[main]\nexclude=kernel\n");
  EXPECT_EQ(guest.read("/etc/dnf/dnf.conf"), "[main]\nexclude=kernel\n");
  guest.with_file("/etc/new.conf", "x", 0600);
  write_config_file(guest, "/etc/new.conf", "y");
  EXPECT_EQ(guest.stat("/etc/new.conf")->mode, 0600U);
}

TEST(GuestFiles, AConfigurationFileIsNotWrittenThroughAnotherLink) {
  for (const auto* target : {"/etc/shadow", "shadow", "../root/waagent.conf", "/var/lib/waagent.conf"}) {
    guest::MemoryGuest guest;
    guest.with_file("/etc/shadow", "root:*")
        .with_file("/root/waagent.conf", "x")
        .with_file("/var/lib/waagent.conf", "x");
    guest.with_link("/etc/waagent.conf", target);
    EXPECT_EQ(error_of([&] { write_config_file(guest, "/etc/waagent.conf", "y"); }).message(),
              std::string("changing '/etc/waagent.conf' in the guest: it is a link to '") + target + "'");
    EXPECT_EQ(guest.read("/etc/shadow"), "root:*");
  }
}

TEST(GuestFiles, AChainOfLinksIsRefused) {
  guest::MemoryGuest guest;
  guest.with_file("/etc/shadow", "root:*")
      .with_link("/etc/agent/waagent.conf", "/etc/shadow")
      .with_link("/etc/waagent.conf", "agent/waagent.conf");
  EXPECT_EQ(error_of([&] { write_config_file(guest, "/etc/waagent.conf", "y"); }).kind(), ErrorKind::incompatible);
}

}  // namespace
}  // namespace bake::apply
