#include "bake/apply/verify_modules.hpp"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>

#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/guest/memory.hpp"

namespace bake::apply {
namespace {

namespace fs = std::filesystem;

constexpr const char* kernel = "3.10.0-1160.el7.x86_64";

/// A guest whose scripts run on this machine, with stand-ins for the programs that look into a kernel's modules.
class ScriptedGuest {
 public:
  ScriptedGuest() {
    facts_.kernels = {{kernel, "/boot/vmlinuz", "/boot/initramfs.img", {}, {}, {}, {}, false}};
    facts_.initramfs_tool = guest::InitramfsTool::dracut;
    expected_.kernel = kernel;
    expected_.initramfs = true;
    guest_.with_handler([this](const std::string& script) {
      const auto path = "PATH=" + directory_.path().string() + ":$PATH\n";
      const auto result = run_program({"/bin/sh", "-c", path + script});
      return guest::ShellResult{result.status, result.out};
    });
  }
  ScriptedGuest& with_program(const std::string& name, const std::string& text) {
    write_text_atomically(directory_.path() / name, "#!/bin/sh\n" + text);
    fs::permissions(directory_.path() / name, fs::perms::owner_all);
    return *this;
  }
  Check initramfs() {
    for (auto& check : verify_modules(guest_, facts_, expected_))
      if (check.name == "initramfs") return check;
    return {};
  }

 private:
  TemporaryDirectory directory_;
  guest::MemoryGuest guest_;
  guest::Facts facts_;
  plan::Expectations expected_;
};

constexpr const char* weak_link = "/lib/modules/3.10.0-1160.el7.x86_64/weak-updates/mlnx-ofa_kernel/core/mlx5_core.ko";
constexpr const char* extra = "/lib/modules/3.10.0-1127.el7.x86_64/extra/mlnx-ofa_kernel/core/mlx5_core.ko";

/// modinfo and readlink of a kernel that reaches the vendor's module through weak-updates.
ScriptedGuest& with_weak_updates(ScriptedGuest& guest) {
  return guest
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
  ScriptedGuest guest;
  const auto check = with_weak_updates(guest).with_program("lsinitrd", listing_of_weak_updates).initramfs();
  EXPECT_TRUE(check.ok) << check.evidence;
  EXPECT_EQ(check.evidence, "/boot/initramfs.img: 2 modules, the Hyper-V drivers that are modules, no stale RDMA module");
}

TEST(VerifyModules, AnInboxModuleThatTheVendorsReplacesIsStale) {
  ScriptedGuest guest;
  const auto check = with_weak_updates(guest)
                         .with_program("lsinitrd",
                                       "echo '-rw-r--r-- 1 root root 9 Nov 21 04:07 "
                                       "usr/lib/modules/3.10.0-1160.el7.x86_64/kernel/core/mlx5_core.ko.xz'\n")
                         .initramfs();
  EXPECT_FALSE(check.ok);
  EXPECT_EQ(check.evidence,
            std::string("stale module usr/lib/modules/3.10.0-1160.el7.x86_64/kernel/core/mlx5_core.ko.xz (depmod says ") +
                weak_link + "); hv_vmbus is missing");
}

}  // namespace
}  // namespace bake::apply
