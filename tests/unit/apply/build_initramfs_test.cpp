#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::apply {
namespace {

/// A guest whose builders of the initramfs only record their arguments, each in angle brackets.
struct InitramfsGuest {
  guest::MemoryGuest guest;
  HostShell shell{guest};
  plan::Plan plan;

  InitramfsGuest(guest::InitramfsTool tool, const std::string& kernel, const std::string& initramfs) {
    plan.rebuild_initramfs = true;
    plan.initramfs_tool = tool;
    plan.initramfs = initramfs;
    plan.initramfs_drivers = {"hv_storvsc", "nvme"};
    plan.fit.kind = resolve::FitKind::built_for;
    plan.fit.kernel = kernel;
    for (const std::string program : {"dracut", "update-initramfs"})
      shell.with_program(program, "printf '" + program + "' >" + shell.file("called") + "\nprintf ' <%s>' \"$@\" >>" +
                                      shell.file("called") + "\n");
  }

  /// The program that the rebuild calls, with its arguments.
  std::string call() {
    SilentProgress progress;
    change_initramfs(plan, guest, progress);
    return shell.content("called");
  }
};

TEST(BuildInitramfs, DracutMakesAGenericOneWithoutTheDriversOfTheCard) {
  InitramfsGuest image(guest::InitramfsTool::dracut, "4.18.0-193.el8.x86_64",
                       "/boot/initramfs-4.18.0-193.el8.x86_64.img");
  EXPECT_EQ(image.call(),
            "dracut <--force> <--no-hostonly> <--no-hostonly-cmdline> <--add-drivers> <hv_storvsc nvme> "
            "<--omit-drivers> <mlx4_core mlx4_en mlx4_ib mlx5_core mlx5_ib mlxfw> "
            "</boot/initramfs-4.18.0-193.el8.x86_64.img> <4.18.0-193.el8.x86_64>");
}

TEST(BuildInitramfs, DracutKeepsTheKernelsOwnDriversOfTheCard) {
  InitramfsGuest image(guest::InitramfsTool::dracut, "4.18.0-193.el8.x86_64",
                       "/boot/initramfs-4.18.0-193.el8.x86_64.img");
  image.plan.fit.kind = resolve::FitKind::inbox;
  image.plan.initramfs_drivers.clear();
  EXPECT_EQ(image.call(),
            "dracut <--force> <--no-hostonly> <--no-hostonly-cmdline> </boot/initramfs-4.18.0-193.el8.x86_64.img> "
            "<4.18.0-193.el8.x86_64>");
}

TEST(BuildInitramfs, InitramfsToolsGetTheDriversForAzureInTheirList) {
  InitramfsGuest image(guest::InitramfsTool::initramfs_tools, "5.4.0-1040-azure", "/boot/initrd.img-5.4.0-1040-azure");
  image.shell.with_place("/boot/initrd.img", "initrd.img");
  image.guest.with_file("/etc/initramfs-tools/modules", "# modules\nnvme\n");
  EXPECT_EQ(image.call(), "update-initramfs <-c> <-k> <5.4.0-1040-azure>");
  EXPECT_EQ(image.guest.read("/etc/initramfs-tools/modules"), "# modules\nnvme\nhv_storvsc\n");
  write_text_atomically(image.shell.file("initrd.img-5.4.0-1040-azure"), "old");
  EXPECT_EQ(image.call(), "update-initramfs <-u> <-k> <5.4.0-1040-azure>") << "the image exists";
}

TEST(BuildInitramfs, AKeptOneIsNotBuilt) {
  InitramfsGuest image(guest::InitramfsTool::dracut, "4.18.0-193.el8.x86_64", "/boot/initramfs");
  image.plan.rebuild_initramfs = false;
  SilentProgress progress;
  change_initramfs(image.plan, image.guest, progress);
  EXPECT_EQ(image.guest.scripts(), std::vector<std::string>{});
}

}  // namespace
}  // namespace bake::apply
