#include "bake/guest/initramfs.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "bake/guest/memory.hpp"
#include "tests/support/cpio.hpp"
#include "tests/support/recording_progress.hpp"

namespace bake::apply {
namespace {

using bake::testing::cpio;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kernel = "5.4.0-1040-azure";
const std::string directory = std::string("lib/modules/") + kernel + "/";
const std::string work = "/var/tmp/.bake-initramfs";

/// A guest whose initramfs has mlx5_core and nvme, and whose depmod works or ends with 1.
class InitramfsStep : public ::testing::Test {
 protected:
  InitramfsStep() {
    plan.fit.kernel = kernel;
    plan.rebuild_initramfs = true;
    plan.initramfs_tool = guest::InitramfsTool::initramfs_tools;
    plan.initramfs = "/boot/initrd.img";
    plan.initramfs_leaves_out = {"mlx5_core"};
    guest.with_file(plan.initramfs, cpio({{"init", "x"},
                                          {directory + "modules.dep", "kernel/mlx5_core.ko:\nkernel/nvme.ko:\n"},
                                          {directory + "kernel/mlx5_core.ko", "1"},
                                          {directory + "kernel/nvme.ko", "2"}}));
    guest.with_handler([this](const std::string& script) -> std::optional<guest::ShellResult> {
      scripts.push_back(script);
      if (script.find("depmod -b") == std::string::npos) return guest::ShellResult{0, ""};
      list = guest.read(work + "/list").value_or("");
      if (!depmod_works) return guest::ShellResult{1, "cp: cannot stat '/lib/modules/x'\n"};
      guest.with_file(work + "/root/" + directory + "modules.dep", "kernel/nvme.ko:\n");
      return guest::ShellResult{0, ""};
    });
  }

  guest::MemoryGuest guest;
  plan::Plan plan;
  testing::RecordingProgress progress;
  std::vector<std::string> scripts;
  std::string list;
  bool depmod_works = true;
};

TEST_F(InitramfsStep, LeavesOutTheModulesOfThePlan) {
  EXPECT_FALSE(change_initramfs(plan, guest, progress));
  EXPECT_EQ(list, "/" + directory + "kernel/nvme.ko\n");
  const auto content = guest::read_initramfs(guest.read(plan.initramfs).value_or(""), kernel, "image");
  EXPECT_THAT(content.modules, ElementsAre(directory + "kernel/nvme.ko"));
  EXPECT_FALSE(content.resolved.contains("mlx5_core"));
  EXPECT_EQ(scripts.size(), 1U);
  EXPECT_THAT(guest.list(work), IsEmpty());
  EXPECT_THAT(progress.warned, IsEmpty());
}

TEST_F(InitramfsStep, AddsTheModulesOfThePlanAndThoseThatTheyNeed) {
  plan.initramfs_adds = {"pci_hyperv"};
  plan.initramfs_drivers = {"nvme", "pci_hyperv"};
  guest
      .with_file("/" + directory + "modules.dep",
                 "kernel/pci-hyperv.ko.xz: kernel/pci-hyperv-intf.ko.xz kernel/nvme.ko\nkernel/mlx5_core.ko:\n")
      .with_file("/" + directory + "kernel/pci-hyperv.ko.xz", "a")
      .with_file("/" + directory + "kernel/pci-hyperv-intf.ko.xz", "b");
  change_initramfs(plan, guest, progress);
  const auto content = guest::read_initramfs(guest.read(plan.initramfs).value_or(""), kernel, "image");
  EXPECT_THAT(content.modules, ElementsAre(directory + "kernel/nvme.ko", directory + "kernel/pci-hyperv-intf.ko.xz",
                                           directory + "kernel/pci-hyperv.ko.xz"));
  EXPECT_EQ(guest.read("/etc/initramfs-tools/modules"), "nvme\npci_hyperv\n");
}

TEST_F(InitramfsStep, BuildsAnotherOneWhenThatFails) {
  depmod_works = false;
  EXPECT_TRUE(change_initramfs(plan, guest, progress));
  ASSERT_EQ(scripts.size(), 2U);
  EXPECT_THAT(scripts[1], HasSubstr("update-initramfs -u -k 5.4.0-1040-azure"));
  EXPECT_THAT(progress.warned, ElementsAre("making the module indexes of '/boot/initrd.img': cp: cannot stat "
                                           "'/lib/modules/x'; the guest builds another initramfs"));
  EXPECT_THAT(guest.list(work), IsEmpty());
}

TEST_F(InitramfsStep, BuildsAnotherOneWhenTheEndIsDamaged) {
  // The inspection reads up to the end of the archive, and the editor to the end of the file.
  const auto bytes = guest.read(plan.initramfs).value_or("");
  guest.write(plan.initramfs, cpio({{"early", "x"}}) + bytes + "x");
  EXPECT_TRUE(change_initramfs(plan, guest, progress));
  EXPECT_EQ(progress.warned.size(), 1U);
}

}  // namespace
}  // namespace bake::apply
