#include "bake/inspect/outside_modules.hpp"

#include <filesystem>
#include <gtest/gtest.h>

#include "bake/base/error.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::guest {
namespace {

namespace fs = std::filesystem;

constexpr const char* kernel = "4.18.0-193.el8.x86_64";

/// A guest with modules on this machine.
struct OutsideGuest {
  MemoryGuest guest;
  HostShell shell{guest};
  std::string tree = std::string("modules/") + kernel + "/";

  OutsideGuest() { shell.with_place("/lib/modules", "modules").with_place("/var/lib/dpkg", "dpkg"); }

  std::string add(const std::string& file) {
    const auto path = shell.file(file);
    fs::create_directories(fs::path(path).parent_path());
    write_text_atomically(path, "");
    return path;
  }
};

TEST(OutsideModules, AreThoseThatDidNotComeWithTheKernel) {
  OutsideGuest image;
  const auto own = image.add(image.tree + "kernel/net/ipv6.ko.xz");
  const auto replaced = image.add(image.tree + "kernel/nvme/nvme.ko");
  const auto unowned = image.add(image.tree + "kernel/odd.ko");
  const auto built = image.add(image.tree + "updates/dkms/mlx5_core.ko");
  const auto lustre = image.add(image.tree + "extra/lustre.ko");
  const auto linked = image.add("modules/4.18.0-147.el8.x86_64/extra/ib_core.ko");
  image.add(image.tree + "extra/notes.ko.txt");
  const auto link = image.shell.file(image.tree + "weak-updates/ib_core.ko");
  fs::create_directories(fs::path(link).parent_path());
  fs::create_symlink(linked, link);
  image.shell.with_program("rpm", "case \"$*\" in\n-qal) echo " + own + "; echo " + replaced + "; echo " + lustre +
                                      "; echo " + linked + ";;\n'-ql kmod-mlnx-ofa_kernel') echo " + linked +
                                      "; echo " + replaced + "; echo /etc/x;;\n*) exit 1;;\nesac\n");
  const std::vector<OutsideModule> expected{
      {linked, false}, {lustre, true}, {replaced, false}, {unowned, false}, {built, false}};
  EXPECT_EQ(find_outside_modules(image.guest, Family::rpm, kernel, {"kmod-mlnx-ofa_kernel"}), expected);
}

TEST(OutsideModules, OfAGuestWithDpkg) {
  OutsideGuest image;
  const auto own = image.add(image.tree + "kernel/net/ipv6.ko");
  const auto built = image.add(image.tree + "updates/dkms/mlx5_core.ko.zst");
  fs::create_directories(image.shell.file("dpkg/info"));
  write_text_atomically(image.shell.file("dpkg/info/linux-image.list"), "/usr\n" + own + "\n");
  const std::vector<OutsideModule> expected{{built, false}};
  EXPECT_EQ(find_outside_modules(image.guest, Family::deb, kernel, {}), expected);
}

// The bake may install another kernel; the distribution signed its modules.
TEST(OutsideModules, NotThoseOfAKernelThatTheBakeInstalls) {
  OutsideGuest image;
  const auto own = image.add(image.tree + "kernel/net/ipv6.ko.xz");
  image.shell.with_program("rpm", "[ \"$*\" = -qal ] && echo " + own + "\n");
  EXPECT_TRUE(find_outside_modules(image.guest, Family::rpm, kernel, {"kernel", "kernel-core", "kernel-modules-extra"})
                  .empty());
}

TEST(OutsideModules, NotThoseOfTheKernelThatSomeonePacked) {
  OutsideGuest image;
  image.add(image.tree + "kernel/net/ipv6.ko.zst");
  image.shell.with_program("rpm", "echo " + image.shell.file(image.tree + "kernel/net/ipv6.ko") + "\n");
  EXPECT_TRUE(find_outside_modules(image.guest, Family::rpm, kernel, {}).empty());
}

TEST(OutsideModules, HaveTheirRealPath) {
  OutsideGuest image;
  const auto real = image.add("usr/modules/" + std::string(kernel) + "/extra/a.ko");
  fs::create_symlink(image.shell.file("usr/modules"), image.shell.file("modules"));
  image.shell.with_program("rpm", ":\n");
  const std::vector<OutsideModule> expected{{real, false}};
  EXPECT_EQ(find_outside_modules(image.guest, Family::rpm, kernel, {}), expected);
}

TEST(OutsideModules, NoneOutsideTheKernel) {
  OutsideGuest image;
  const auto own = image.add(image.tree + "kernel/net/ipv6.ko");
  image.shell.with_program("rpm", "echo " + own + "\n");
  EXPECT_TRUE(find_outside_modules(image.guest, Family::rpm, kernel, {}).empty());
}

TEST(OutsideModules, ReadsAModuleUnpacked) {
  MemoryGuest guest;
  guest.with_file("/x.ko", "module");
  EXPECT_EQ(read_unpacked_module(guest, "/x.ko"), "module");
  EXPECT_EQ(error_of([&] { read_unpacked_module(guest, "/y.ko"); }).message(), "reading module '/y.ko': it is missing");
}

}  // namespace
}  // namespace bake::guest
