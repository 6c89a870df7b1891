#include <filesystem>
#include <gtest/gtest.h>

#include "bake/verify/guest.hpp"
#include "tests/support/cpio.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::verify {
namespace {

constexpr const char* kernel = "3.10.0-1160.el7.x86_64";

Check named(const std::string& name, const std::vector<Check>& checks) {
  for (const auto& check : checks)
    if (check.rule == name) return check;
  return {};
}

/// "passed: evidence", "failed: evidence" or "skipped: reason".
std::string said(const Check& check) { return std::string(name_of(check.status)) + ": " + check.evidence; }

constexpr const char* weak_link = "/lib/modules/3.10.0-1160.el7.x86_64/weak-updates/mlnx-ofa_kernel/core/mlx5_core.ko";
constexpr const char* extra = "/lib/modules/3.10.0-1127.el7.x86_64/extra/mlnx-ofa_kernel/core/mlx5_core.ko";

/// The directory of the kernel's modules below the root.
const std::string modules = std::string("lib/modules/") + kernel + "/";

/// The check "initramfs" of a guest whose kernel has hv_vmbus as a module, whose modules.dep is `modules_dep` and whose
/// initramfs is `image`.
Check initramfs_check(const std::string& modules_dep, const std::string& image) {
  guest::MemoryGuest guest;
  guest.with_file("/" + modules + "modules.dep", modules_dep).with_file("/boot/initramfs.img", image);
  guest::Facts facts;
  facts.kernels = {{kernel, "/boot/vmlinuz", "/boot/initramfs.img", {}, {}, {}, {}, false}};
  plan::Expectations expected;
  expected.kernel = kernel;
  expected.initramfs = true;
  expected.initramfs_drivers = {"hv_vmbus"};
  return named("initramfs", verify_modules(guest, facts, expected));
}

/// An initramfs with a program, hv_vmbus and `files` (paths below the kernel's directory); its modules.dep is
/// `modules_dep`.
std::string initramfs(const std::string& modules_dep, const std::vector<std::string>& files) {
  std::vector<std::pair<std::string, std::string>> content{{"init", "x"},
                                                           {"usr/" + modules + "modules.dep", modules_dep},
                                                           {"usr/" + modules + "kernel/hv/hv_vmbus.ko.xz", "x"}};
  for (const auto& file : files) content.emplace_back("usr/" + modules + file, "x");
  return testing::cpio(content);
}

TEST(VerifyModules, AWeakUpdatesLinkThatBothResolveToIsRight) {
  const std::string link = "weak-updates/mlnx-ofa_kernel/core/mlx5_core.ko:\n";
  EXPECT_EQ(
      said(initramfs_check(link, initramfs(link, {"weak-updates/mlnx-ofa_kernel/core/mlx5_core.ko"}))),
      "passed: /boot/initramfs.img: 2 modules, among them the Hyper-V drivers; it loads the same RDMA modules as the "
      "image");
}

// dracut 049 packs both files; its modules.dep decides.
TEST(VerifyModules, AnInboxModuleThatTheInitramfsDoesNotLoadIsNotStale) {
  const std::string vendor = "extra/mlnx-ofa_kernel/mlx5_core.ko:\n";
  EXPECT_EQ(
      initramfs_check(vendor, initramfs(vendor, {"extra/mlnx-ofa_kernel/mlx5_core.ko", "kernel/net/mlx5_core.ko.xz"}))
          .status,
      Status::passed);
}

TEST(VerifyModules, AnInboxModuleThatTheInitramfsLoadsFailsTheCheck) {
  EXPECT_EQ(said(initramfs_check("extra/mlnx-ofa_kernel/mlx5_core.ko:\n",
                                 initramfs("kernel/net/mlx5_core.ko.xz:\n", {"kernel/net/mlx5_core.ko.xz"}))),
            "failed: the initramfs loads mlx5_core from " + modules + "kernel/net/mlx5_core.ko.xz, the image from " +
                modules + "extra/mlnx-ofa_kernel/mlx5_core.ko");
}

TEST(VerifyModules, AModuleMayBeUncompressedInTheInitramfs) {
  EXPECT_EQ(initramfs_check("updates/dkms/mlx5_core.ko.zst:\n",
                            initramfs("updates/dkms/mlx5_core.ko:\n", {"updates/dkms/mlx5_core.ko"}))
                .status,
            Status::passed);
}

TEST(VerifyModules, AnInitramfsWithoutADriverOfTheCardIsRight) {
  EXPECT_EQ(said(initramfs_check("extra/mlx5_core.ko:\n", initramfs("kernel/hv/hv_vmbus.ko.xz:\n", {}))),
            "passed: /boot/initramfs.img: 1 modules, among them the Hyper-V drivers; no driver of the card");
}

TEST(VerifyModules, AnInitramfsWithoutModulesFailsTheCheck) {
  EXPECT_EQ(said(initramfs_check("", testing::cpio({{"usr/bin/sh", "x"}}))),
            "failed: /boot/initramfs.img contains no module; hv_vmbus is missing");
}

TEST(VerifyModules, AnInitramfsWithoutADependencyOfADriverFailsTheCheck) {
  const std::string modules_dep = "kernel/hv/hv_vmbus.ko.xz: kernel/lib/hv-base.ko.xz\n";
  EXPECT_EQ(said(initramfs_check(modules_dep, initramfs(modules_dep, {}))),
            "failed: hv_vmbus needs hv_base, which is missing");
  EXPECT_EQ(initramfs_check(modules_dep, initramfs(modules_dep, {"kernel/lib/hv-base.ko.xz"})).status, Status::passed);
}

TEST(VerifyModules, AZeroedInitramfsFailsTheCheck) {
  EXPECT_EQ(
      said(initramfs_check("", std::string(1 << 20, '\0'))),
      "failed: reading initramfs '/boot/initramfs.img': it is not a cpio archive in any compression that a kernel "
      "reads");
}

/// A guest whose packages own mlx5_core and whose base has a Lustre client.
struct VendorGuest {
  guest::MemoryGuest guest;
  HostShell shell{guest};
  guest::Family family = guest::Family::rpm;
  std::string symvers = "symvers";  ///< its file; empty: the kernel has none

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
    facts.kernels = {{kernel, "/boot/vmlinuz", "/boot/initramfs.img", {}, {}, {}, {}, false}};
    if (!symvers.empty()) facts.kernels[0].symvers = shell.file(symvers);
    plan::Expectations expected;
    expected.family = family;
    expected.kernel = kernel;
    expected.module = "mlx5_core";
    expected.module_origin = "vendor";
    expected.initramfs = true;
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
  EXPECT_EQ(said(image.check("symbols")), "passed: no unresolved symbol in 1 injected module (" +
                                              image.shell.file("symvers") +
                                              "); unresolved in modules of the base: ko2iblnd");
}

TEST(VerifyModules, OnlyLinksToInjectedModulesMayNotDangle) {
  VendorGuest image;
  image.dangle("lustre/ko2iblnd.ko");
  EXPECT_EQ(image.check("weak-updates").status, Status::passed);
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
      .with_place("/usr/src", "src")
      .with_program("dpkg-query", "echo " + source + "/dkms.conf\n")
      .with_program("depmod", complaint("updates/dkms/mlx5_core.ko.zst"));
  EXPECT_EQ(image.check("symbols").status, Status::failed);
}

/// What the check "dkms" says if `dkms status` prints `status` about the sources of an injected package.
std::string dkms_check(const std::string& status) {
  VendorGuest image;
  image.family = guest::Family::deb;
  const std::string source = image.shell.file("src/iser-25.10");
  std::filesystem::create_directories(source);
  write_text_atomically(source + "/dkms.conf", "PACKAGE_NAME=iser\nPACKAGE_VERSION=25.10\n");
  image.shell.with_place("/var/lib/dkms", "dkms")
      .with_place("/usr/src", "src")
      .with_program("dpkg-query", "echo " + source +
                                      "/dkms.conf; echo /lib/modules/x/mlx5_core.ko\n"
                                      "echo /usr/share/doc/dkms/examples/dkms.conf\n")
      .with_program(
          "dkms",
          "echo 'Deprecated feature: REMAKE_INITRD (/var/lib/dkms/iser/25.10/source/dkms.conf)' >&2\n" + status);
  return said(image.check("dkms"));
}

TEST(VerifyModules, DkmsMustHaveInstalledTheModulesOfEverySource) {
  EXPECT_EQ(dkms_check("echo \"$3/$5, $7, x86_64: installed\"\n"),
            std::string("passed: the modules of iser/25.10 are installed for ") + kernel);
  EXPECT_EQ(dkms_check("echo \"$3/$5, $7, x86_64: installed (original_module exists)\"\n").substr(0, 7), "passed:");
  EXPECT_EQ(dkms_check("echo \"$3/$5, $7, x86_64: installed (Differences between built and installed modules)\"\n")
                .substr(0, 7),
            "failed:");
  EXPECT_EQ(dkms_check("echo \"$3/$5, 5.4.0-1, x86_64: installed\"\n echo \"$3/$5, $7, x86_64: built\"\n").substr(0, 7),
            "failed:");
  EXPECT_EQ(dkms_check("echo \"$3/$5: added\"\n"), "failed: iser/25.10: iser/25.10: added");
  EXPECT_EQ(dkms_check("echo \"$3/$5, $7, x86_64: built\"\n"),
            std::string("failed: iser/25.10: iser/25.10, ") + kernel + ", x86_64: built");
  EXPECT_EQ(dkms_check("echo \"$3/$5, $7, x86_64: installed (WARNING! Diff between built and installed module!)\"\n")
                .substr(0, 7),
            "failed:");
  EXPECT_EQ(dkms_check(""), "failed: iser/25.10: not known to dkms");
}

TEST(VerifyModules, WithoutSourcesThereIsNothingOfDkmsToCheck) {
  VendorGuest image;
  EXPECT_EQ(said(image.check("dkms")), "skipped: no injected package has sources for DKMS");
}

// MLNX_OFED built with NVMe over Fabrics has nvme.ko and nvme-core.ko.
TEST(VerifyModules, AnInjectedModuleOfTheDiskIsComparedWithTheInitramfs) {
  VendorGuest image;
  const std::string vendor = "extra/mlnx-nvme/host/nvme-core.ko:\n";
  const std::string own = "kernel/drivers/nvme/host/nvme-core.ko.xz";
  image.shell.with_program("rpm", "echo /lib/modules/" + std::string(kernel) + "/extra/mlnx-nvme/host/nvme-core.ko\n");
  image.guest.with_file("/" + modules + "modules.dep", vendor);
  const auto check = [&](const std::string& modules_dep, const std::string& file) {
    image.guest.with_file("/boot/initramfs.img", initramfs(modules_dep, {file}));
    return image.check("initramfs");
  };
  EXPECT_EQ(said(check(own + ":\n", own)), "failed: the initramfs loads nvme_core from " + modules + own +
                                               ", the image from " + modules + "extra/mlnx-nvme/host/nvme-core.ko");
  EXPECT_EQ(check(vendor, "extra/mlnx-nvme/host/nvme-core.ko").status, Status::passed);
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
  EXPECT_EQ(image.check("symbols").status, Status::failed);
}

TEST(VerifyModules, TheTableOfTheHeadersIsReadThroughTheLinkToThem) {
  VendorGuest image;
  const std::string table = "0x12345678\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n";
  std::filesystem::create_directories(image.shell.file("headers"));
  write_text_atomically(image.shell.file("headers/Module.symvers"), table);
  std::filesystem::create_directory_symlink(image.shell.file("headers"),
                                            image.shell.file("modules/" + std::string(kernel) + "/build"));
  image.symvers = "modules/" + std::string(kernel) + "/build/Module.symvers";
  image.shell.with_program("depmod", "[ \"$4\" = -E ] && cat \"$5\" >" + image.shell.file("seen") + "\n");
  EXPECT_EQ(said(image.check("symbols")),
            "passed: no unresolved symbol in 1 injected module (" + image.shell.file(image.symvers) + ")");
  EXPECT_EQ(image.shell.content("seen"), table);
}

// depmod leaves out the lines of symvers whose owner is not vmlinux (kmod, tools/depmod.c, depmod_load_symvers).
// Without -a it would not know what the kernel's own modules export.
TEST(VerifyModules, DepmodReadsTheKernelsOwnModulesToo) {
  VendorGuest image;
  image.shell.with_program("depmod", "printf '%s ' \"$@\" >" + image.shell.file("seen") + "\n");
  EXPECT_EQ(image.check("symbols").status, Status::passed);
  EXPECT_THAT(image.shell.content("seen"), ::testing::MatchesRegex("-n -a -e -E .* " + std::string(kernel) + " "));
}

TEST(VerifyModules, AKernelWithoutATableOfSymbolsSkipsTheCheck) {
  VendorGuest image;
  image.symvers = "";
  EXPECT_EQ(said(image.check("symbols")), "skipped: the guest has neither symvers nor a System.map");
}

TEST(VerifyModules, AKernelWithoutWeakUpdatesSkipsTheCheck) {
  VendorGuest image;
  std::filesystem::remove_all(image.shell.file("modules/" + std::string(kernel) + "/weak-updates"));
  EXPECT_EQ(said(image.check("weak-updates")), "skipped: the kernel has no weak-updates");
}

TEST(VerifyModules, PackagesWithoutAFileListFailTheCheck) {
  VendorGuest image;
  image.shell.with_program("rpm", "echo package kmod-mlnx-ofa_kernel is not installed; exit 1\n");
  EXPECT_EQ(said(image.check("symbols")),
            "failed: asking for the files of the injected packages: package kmod-mlnx-ofa_kernel is not installed");
}

}  // namespace
}  // namespace bake::verify
