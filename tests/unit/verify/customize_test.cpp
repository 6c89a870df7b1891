#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/guest/memory.hpp"
#include "bake/verify/guest.hpp"

namespace bake::verify {
namespace {

struct CustomizedGuest {
  guest::MemoryGuest guest;
  plan::Expectations expected;

  CustomizedGuest() {
    guest.with_file("/etc/motd", "hello", 0640).with_file("/etc/fstab", "a\nb\n");
    guest.with_file("/etc/passwd", "hpc:x:1001:1001::/home/hpc:/bin/bash\n")
        .with_file("/etc/shadow", "hpc:!:19000::::::\n");
    guest.with_file("/home/hpc/.ssh/authorized_keys", "ssh-ed25519 A\n");
    guest.with_link("/etc/systemd/system/y.service", "/dev/null");
    expected.customized.files = {{"/etc/motd", "0640 0:0 " + digest_of("hello")}};
    expected.customized.lines = {{"/etc/fstab", {digest_of("b")}}};
    expected.customized.users = {{"hpc", digest_of("ssh-ed25519 A\n")}};
    expected.customized.masked = {"y.service"};
    expected.customized.scripts = {"setup.sh"};
  }
  std::string evidence() {
    const auto check = verify_customization(guest, expected);
    return std::string(name_of(check.status)) + ": " + check.evidence;
  }
};

TEST(Customization, IsAsTheRecipeHasIt) {
  CustomizedGuest image;
  EXPECT_EQ(
      image.evidence(),
      "passed: 1 file, 1 edited file and 1 account are as the recipe has them; what setup.sh changed is not checked, "
      "except by the other checks");
}

TEST(Customization, EveryDifferenceIsNamed) {
  CustomizedGuest image;
  image.guest.with_file("/etc/motd", "changed", 0640).with_file("/etc/fstab", "a\n");
  image.guest.with_file("/etc/shadow", "hpc:$6$x:19000::::::\n").with_file("/home/hpc/.ssh/authorized_keys", "other\n");
  image.guest.remove("/etc/systemd/system/y.service");
  EXPECT_EQ(
      image.evidence(),
      "failed: /etc/motd is not as the recipe has it; /etc/fstab lacks a line of the recipe; the account 'hpc' is not "
      "locked; /home/hpc/.ssh/authorized_keys does not have the keys of the recipe; y.service is not masked");
  image.guest.with_file("/etc/passwd", "");
  EXPECT_NE(image.evidence().find("there is no account 'hpc'"), std::string::npos);
}

}  // namespace
}  // namespace bake::verify
