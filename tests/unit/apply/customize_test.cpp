// `customize` in the guests of hostile bases.
#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/guest/memory.hpp"
#include "tests/support/error_of.hpp"

namespace bake::apply {
namespace {

struct Base {
  TemporaryDirectory scratch;
  guest::MemoryGuest guest;
  plan::Plan plan;
  SilentProgress progress;

  Base() {
    write_text_atomically(scratch.path() / "motd", "welcome\n");
    guest.with_directory("/etc").with_directory("/home").with_directory("/root").with_directory("/etc/systemd/system");
    guest.with_file("/etc/shadow", "root:*:\n").with_directory("/var/tmp");
    guest.with_handler([this](const std::string& script) {
      if (script.find("useradd") != std::string::npos)
        guest.with_directory("/home/hpc").with_link("/home/hpc/.ssh", "/root");  // as /etc/skel of the base has it
      return guest::ShellResult{};
    });
  }
  void put(const std::string& path) { plan.customization.files = {{scratch.path() / "motd", path, 0640, 0, 0, "", 8}}; }
  void add_user() { plan.customization.users = {{"hpc", {}, "/bin/bash", "ssh-ed25519 A\n"}}; }
  std::string error() {
    return error_of([this] { customize(plan, guest, progress); }).message();
  }
};

TEST(CustomizeGuest, AFileReplacesALink) {
  Base base;
  base.guest.with_link("/etc/motd", "/etc/shadow");
  base.put("/etc/motd");
  customize(base.plan, base.guest, base.progress);
  EXPECT_EQ(base.guest.read("/etc/motd"), "welcome\n");
  EXPECT_EQ(base.guest.stat("/etc/motd")->mode, 0640U);
  EXPECT_EQ(base.guest.read("/etc/shadow"), "root:*:\n");
}

TEST(CustomizeGuest, NothingIsWrittenBelowALink) {
  Base base;
  base.guest.with_link("/opt", "/etc");
  base.put("/opt/motd");
  EXPECT_EQ(base.error(), "writing '/opt/motd' of customize: /opt is a link to '/etc'");
  EXPECT_FALSE(base.guest.exists("/etc/motd"));
}

TEST(CustomizeGuest, ADirectoryIsNotReplaced) {
  Base base;
  base.guest.with_directory("/etc/motd");
  base.put("/etc/motd");
  EXPECT_EQ(base.error(), "writing '/etc/motd' of customize: the guest has a directory there");
}

TEST(CustomizeGuest, AHomeThatIsThereIsRefused) {
  Base base;
  base.guest.with_link("/home/hpc", "/root");
  base.add_user();
  EXPECT_EQ(base.error(), "adding user 'hpc': the base has /home/hpc already");
  EXPECT_FALSE(base.guest.exists("/root/.ssh"));
}

TEST(CustomizeGuest, KeysDoNotFollowLinksOfSkel) {
  Base base;
  base.add_user();
  customize(base.plan, base.guest, base.progress);
  EXPECT_EQ(base.guest.read("/home/hpc/.ssh/authorized_keys"), "ssh-ed25519 A\n");
  EXPECT_EQ(base.guest.stat("/home/hpc/.ssh")->mode, 0700U);
  EXPECT_EQ(base.guest.stat("/home/hpc/.ssh/authorized_keys")->mode, 0600U);
}

TEST(CustomizeGuest, AMaskDoesNotReplaceAFile) {
  Base base;
  base.guest.with_file("/etc/systemd/system/x.service", "[Unit]\n");
  base.plan.customization.mask = {"x.service"};
  EXPECT_EQ(error_of([&] { mask_services(base.plan, base.guest); }).message(),
            "masking 'x.service': /etc/systemd/system/x.service is a file of the base");
}

TEST(CustomizeGuest, ScriptsAreNotWrittenThroughALink) {
  Base base;
  base.guest.with_link("/var/tmp/.bake-run", "/etc");
  base.plan.customization.run = {{base.scratch.path() / "motd", "setup.sh", ""}};
  run_scripts(base.plan, base.guest, base.progress);
  EXPECT_FALSE(base.guest.exists("/etc/1-setup.sh"));
  EXPECT_FALSE(base.guest.exists("/var/tmp/.bake-run"));
}

}  // namespace
}  // namespace bake::apply
