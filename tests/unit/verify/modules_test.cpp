#include <filesystem>
#include <gtest/gtest.h>

#include "bake/verify/guest.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::verify {
namespace {

constexpr const char* kernel = "3.10.0-1160.el7.x86_64";

Check named(const std::string& name, const std::vector<Check>& checks) {
  for (const auto& check : checks)
    if (check.name == name) return check;
  return {};
}

/// "ok: evidence" or "failed: evidence".
std::string said(const Check& check) { return (check.ok ? "ok: " : "failed: ") + check.evidence; }

/// A guest in which the test reads only the initramfs.
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
    return named("initramfs", verify_modules(guest, facts, expected));
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

// The lines are from lsinitrd of EL7 (dracut 033), which packs the link and its target.
constexpr const char* listing_of_weak_updates =
    "cat <<END\n"
    "-rw-r--r--   1 root root  752 Nov 21 04:07 usr/lib/modules/3.10.0-1160.el7.x86_64/kernel/hv/hv_vmbus.ko.xz\n"
    "-rw-r--r--   1 root root 3624 Nov 21 06:14 "
    "usr/lib/modules/3.10.0-1127.el7.x86_64/extra/mlnx-ofa_kernel/core/mlx5_core.ko\n"
    "lrwxrwxrwx   1 root root  124 Nov 21 06:14 "
    "usr/lib/modules/3.10.0-1160.el7.x86_64/weak-updates/mlnx-ofa_kernel/core/mlx5_core.ko -> "
    "../../../../3.10.0-1127.el7.x86_64/extra/mlnx-ofa_kernel/core/mlx5_core.ko\n"
    "END\n";

TEST(VerifyModules, ALinkBelowWeakUpdatesAndItsTargetAreNotStale) {
  InitramfsGuest image;
  with_weak_updates(image.shell).with_program("lsinitrd", listing_of_weak_updates);
  EXPECT_EQ(said(image.check()),
            "ok: /boot/initramfs.img: 2 modules, the Hyper-V drivers that are modules, no stale RDMA module");
}

TEST(VerifyModules, AReplacedInboxModuleIsStale) {
  InitramfsGuest image;
  with_weak_updates(image.shell)
      .with_program("lsinitrd",
                    "echo '-rw-r--r-- 1 root root 9 Nov 21 04:07 "
                    "usr/lib/modules/3.10.0-1160.el7.x86_64/kernel/core/mlx5_core.ko.xz'\n");
  EXPECT_EQ(
      said(image.check()),
      std::string(
          "failed: stale module usr/lib/modules/3.10.0-1160.el7.x86_64/kernel/core/mlx5_core.ko.xz (depmod says ") +
          weak_link + "); hv_vmbus is missing");
}

/// A guest whose packages own mlx5_core and whose base has a Lustre client.
struct VendorGuest {
  guest::MemoryGuest guest;
  HostShell shell{guest};
  guest::Family family = guest::Family::rpm;
  std::string symvers = "symvers";

  VendorGuest() {
    write_text_atomically(shell.file("symvers"), "");
    for (const std::string directory : {"mlnx-ofa_kernel", "lustre"})
      std::filesystem::create_directories(shell.file("modules/" + std::string(kernel) + "/weak-updates/" + directory));
    shell.with_place("/lib/modules", "modules")
        .with_program("modinfo", std::string("echo ") + weak_link + "\n")
        .with_program("rpm", std::string("[ \"$*\" = '-ql kmod-mlnx-ofa_kernel' ] && echo ") + extra + "\n")
        .with_program("depmod", "");
  }

  /// Makes a dangling link below weak-updates.
  void dangle(const std::string& link) {
    std::filesystem::create_symlink("/nowhere.ko",
                                    shell.file("modules/" + std::string(kernel) + "/weak-updates/" + link));
  }

  Check check(const std::string& name) {
    guest::Facts facts;
    facts.kernels = {{kernel, "/boot/vmlinuz", "/boot/initramfs.img", {}, shell.file(symvers), {}, {}, false}};
    plan::Expectations expected;
    expected.family = family;
    expected.kernel = kernel;
    expected.module = "mlx5_core";
    expected.module_origin = "vendor";
    expected.packages = {{"kmod-mlnx-ofa_kernel", "5.5-1", "x86_64"}};
    return named(name, verify_modules(guest, facts, expected));
  }
};

/// depmod's complaint (kmod 20) about a module below weak-updates.
std::string complaint(const std::string& module) {
  return std::string("echo 'depmod: WARNING: /lib/modules/") + kernel + "/weak-updates/" + module +
         " disagrees about version of symbol rdma_create_id' >&2\n";
}

TEST(VerifyModules, UnresolvedSymbolsOfTheInjectedModulesCount) {
  VendorGuest image;
  image.shell.with_program("depmod", complaint("mlnx-ofa_kernel/core/mlx5_core.ko"));
  EXPECT_EQ(
      said(image.check("symbols")),
      "failed: depmod: WARNING: /lib/modules/3.10.0-1160.el7.x86_64/weak-updates/mlnx-ofa_kernel/core/mlx5_core.ko "
      "disagrees about version of symbol rdma_create_id");
}

TEST(VerifyModules, UnresolvedSymbolsInModulesOfTheBaseAreNoFault) {
  VendorGuest image;
  image.shell.with_program("depmod", complaint("lustre/ko2iblnd.ko"));
  EXPECT_EQ(said(image.check("symbols")), "ok: no unresolved symbol in 1 injected module (" +
                                              image.shell.file("symvers") +
                                              "); unresolved in modules of the base: ko2iblnd");
}

TEST(VerifyModules, OnlyLinksToInjectedModulesMayNotDangle) {
  VendorGuest image;
  image.dangle("lustre/ko2iblnd.ko");
  EXPECT_TRUE(image.check("weak-updates").ok);
  image.dangle("mlnx-ofa_kernel/mlx5_core.ko");
  EXPECT_EQ(
      said(image.check("weak-updates")),
      "failed: " + image.shell.file(std::string("modules/") + kernel + "/weak-updates/mlnx-ofa_kernel/mlx5_core.ko"));
}

TEST(VerifyModules, ModulesThatDkmsBuiltOfAnInjectedPackageAreInjected) {
  VendorGuest image;
  image.family = guest::Family::deb;
  const std::string source = image.shell.file("src/mlnx-ofed-kernel-5.5");
  std::filesystem::create_directories(source);
  write_text_atomically(source + "/dkms.conf", "PACKAGE_NAME=\"mlnx-ofed-kernel\"\nPACKAGE_VERSION=5.5\n");
  const auto built = image.shell.file("dkms/mlnx-ofed-kernel/5.5/" + std::string(kernel) + "/x86_64/module");
  std::filesystem::create_directories(built);
  write_text_atomically(built + "/mlx5_core.ko.zst", "");
  image.shell.with_place("/var/lib/dkms", "dkms")
      .with_program("dpkg-query", "echo " + source + "/dkms.conf\n")
      .with_program("depmod", complaint("updates/dkms/mlx5_core.ko.zst"));
  EXPECT_FALSE(image.check("symbols").ok);
}

TEST(VerifyModules, AFailingDepmodFailsTheCheck) {
  VendorGuest image;
  image.shell.with_program("depmod", "echo 'depmod: ERROR: could not open directory' >&2; exit 1\n");
  EXPECT_EQ(said(image.check("symbols")), "failed: depmod: exit status 1: depmod: ERROR: could not open directory");
}

TEST(VerifyModules, AnUnreadableSymversFailsTheCheck) {
  VendorGuest image;
  image.symvers = "symvers.gz";
  write_text_atomically(image.shell.file("symvers.gz"), "no gzip");
  EXPECT_FALSE(image.check("symbols").ok);
}

TEST(VerifyModules, PackagesWithoutAFileListFailTheCheck) {
  VendorGuest image;
  image.shell.with_program("rpm", "echo package kmod-mlnx-ofa_kernel is not installed; exit 1\n");
  EXPECT_EQ(said(image.check("symbols")),
            "failed: asking for the files of the injected packages: package kmod-mlnx-ofa_kernel is not installed");
}

TEST(VerifyModules, AnUnlistableInitramfsFailsTheCheck) {
  InitramfsGuest image;
  image.shell.with_program("modinfo", "exit 1\n")
      .with_program("lsinitrd", "echo usr/lib/modules/x.ko; echo 'cpio: premature end of archive' >&2; exit 2\n");
  EXPECT_EQ(
      said(image.check()),
      "failed: listing /boot/initramfs.img: exit status 1: usr/lib/modules/x.ko | cpio: premature end of archive");
}

TEST(VerifyModules, AnInitramfsWithoutModulesFailsTheCheck) {
  InitramfsGuest image;
  image.shell.with_program("modinfo", "exit 1\n").with_program("lsinitrd", "echo usr/bin/sh\n");
  EXPECT_EQ(said(image.check()), "failed: /boot/initramfs.img contains no module");
}

}  // namespace
}  // namespace bake::verify
