#include <gtest/gtest.h>

#include "bake/apply/verify_modules.hpp"
#include "host_shell.hpp"

namespace bake::apply {
namespace {

constexpr const char* kernel = "3.10.0-1160.el7.x86_64";

/// A guest of which only the initramfs is looked at.
struct InitramfsGuest {
  guest::MemoryGuest guest;
  HostShell shell{guest};

  Check check() {
    guest::Facts facts;
    facts.kernels = {{kernel, "/boot/vmlinuz", "/boot/initramfs.img", {}, {}, {}, {}, false}};
    facts.initramfs_tool = guest::InitramfsTool::dracut;
    plan::Expectations expected;
    expected.kernel = kernel;
    expected.initramfs = true;
    for (auto& check : verify_modules(guest, facts, expected))
      if (check.name == "initramfs") return check;
    return {};
  }
};

constexpr const char* weak_link = "/lib/modules/3.10.0-1160.el7.x86_64/weak-updates/mlnx-ofa_kernel/core/mlx5_core.ko";
constexpr const char* extra = "/lib/modules/3.10.0-1127.el7.x86_64/extra/mlnx-ofa_kernel/core/mlx5_core.ko";

/// modinfo and readlink of a kernel that reaches the vendor's module through weak-updates.
HostShell& with_weak_updates(HostShell& shell) {
  return shell
      .with_program("modinfo", std::string("case $4 in hv_vmbus) echo /lib/modules/hv_vmbus.ko.xz;; mlx5_core) echo ") +
                                   weak_link + ";; *) exit 1;; esac\n")
      .with_program("readlink", std::string("echo ") + extra + "\n");
}

// The lines are lsinitrd's of EL7 (dracut 033), which packs the link and the file that it leads to.
constexpr const char* listing_of_weak_updates =
    "cat <<END\n"
    "-rw-r--r--   1 root root  752 Nov 21 04:07 usr/lib/modules/3.10.0-1160.el7.x86_64/kernel/hv/hv_vmbus.ko.xz\n"
    "-rw-r--r--   1 root root 3624 Nov 21 06:14 "
    "usr/lib/modules/3.10.0-1127.el7.x86_64/extra/mlnx-ofa_kernel/core/mlx5_core.ko\n"
    "lrwxrwxrwx   1 root root  124 Nov 21 06:14 "
    "usr/lib/modules/3.10.0-1160.el7.x86_64/weak-updates/mlnx-ofa_kernel/core/mlx5_core.ko -> "
    "../../../../3.10.0-1127.el7.x86_64/extra/mlnx-ofa_kernel/core/mlx5_core.ko\n"
    "END\n";

TEST(VerifyModules, ALinkBelowWeakUpdatesAndItsFileAreNotStale) {
  InitramfsGuest image;
  with_weak_updates(image.shell).with_program("lsinitrd", listing_of_weak_updates);
  const auto check = image.check();
  EXPECT_TRUE(check.ok) << check.evidence;
  EXPECT_EQ(check.evidence,
            "/boot/initramfs.img: 2 modules, the Hyper-V drivers that are modules, no stale RDMA module");
}

TEST(VerifyModules, AnInboxModuleThatTheVendorsReplacesIsStale) {
  InitramfsGuest image;
  with_weak_updates(image.shell)
      .with_program("lsinitrd",
                    "echo '-rw-r--r-- 1 root root 9 Nov 21 04:07 "
                    "usr/lib/modules/3.10.0-1160.el7.x86_64/kernel/core/mlx5_core.ko.xz'\n");
  const auto check = image.check();
  EXPECT_FALSE(check.ok);
  EXPECT_EQ(
      check.evidence,
      std::string("stale module usr/lib/modules/3.10.0-1160.el7.x86_64/kernel/core/mlx5_core.ko.xz (depmod says ") +
          weak_link + "); hv_vmbus is missing");
}

}  // namespace
}  // namespace bake::apply
