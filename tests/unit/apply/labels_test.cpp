#include "bake/guest/labels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::apply {
namespace {

/// A guest whose setfiles records its arguments, and the plan to label it.
struct LabelledGuest {
  guest::MemoryGuest guest;
  HostShell shell{guest};
  plan::Plan plan;

  explicit LabelledGuest(const std::string& mounts) {
    shell.with_place("/proc/mounts", "mounts")
        .with_program("setfiles", "echo \"$@\" >" + shell.file("arguments") + "\n")
        .with_program("ls", "echo system_u:object_r:etc_t:s0 /etc/bake-manifest.json\n");
    write_text_atomically(shell.file("mounts"), mounts);
    plan.relabel = plan::Relabel::setfiles;
    plan.file_contexts = "/fc";
  }

  void label() {
    SilentProgress progress;
    label_files(plan, guest, progress);
  }
};

TEST(Labels, EveryFileSystemIsLabelledWhenTheLabelsCannotBeRead) {
  guest::MemoryGuest guest;
  guest.without_capabilities();
  HostShell shell(guest);
  // Like EL7's setfiles: no option -m; a label on vfat is an error.
  shell.with_place("/proc/mounts", "mounts")
      .with_program("setfiles",
                    "[ \"$1\" != -m ] || { echo \"setfiles:  invalid option -- 'm'\"; exit 255; }\n"
                    "echo \"$@\" >" +
                        shell.file("arguments") + "\n")
      .with_program("ls", "echo system_u:object_r:etc_t:s0 /etc/bake-manifest.json\n");
  write_text_atomically(shell.file("mounts"),
                        "/dev/mapper/rootvg-rootlv / xfs rw,relatime 0 0\n/dev/mapper/rootvg-usrlv /usr xfs rw 0 "
                        "0\n/dev/sda2 /boot xfs rw 0 0\n"
                        "/dev/sda1 /boot/efi vfat rw 0 0\nproc /proc proc rw 0 0\n");
  plan::Plan plan;
  plan.relabel = plan::Relabel::setfiles;
  plan.file_contexts = "/etc/selinux/targeted/contexts/files/file_contexts";
  SilentProgress progress;
  label_files(plan, guest, progress);
  EXPECT_EQ(shell.content("arguments"),
            "-e /proc -e /sys -e /dev -e /run /etc/selinux/targeted/contexts/files/file_contexts / /usr /boot\n");
  EXPECT_FALSE(guest.exists("/.autorelabel"));
}

TEST(Labels, EveryFileSystemOfAnUnlabelledBaseIsNamed) {
  LabelledGuest image("/dev/sda4 / xfs rw 0 0\n/dev/sda2 /boot ext4 rw 0 0\n");
  image.label();
  EXPECT_EQ(image.shell.content("arguments"), "-m -e /proc -e /sys -e /dev -e /run /fc / /boot\n");
}

TEST(Labels, OnlyChangedAndUnlabelledFilesAreNamed) {
  guest::MemoryGuest guest;
  HostShell shell(guest);
  shell.with_program("setfiles", "echo \"$@\" >" + shell.file("arguments") + "\ncat >" + shell.file("names") + "\n")
      .with_program("rpm", "echo " + shell.file("changed") + "\necho " + shell.file("directory") + "\n")
      .with_program("ls", "echo system_u:object_r:etc_t:s0 /etc/bake-manifest.json\n");
  write_text_atomically(shell.file("changed"), "");
  std::filesystem::create_directories(shell.file("directory"));
  guest.with_file("/usr/bin/it's here").with_file("/usr/bin/labelled").with_label("/", "system_u:object_r:root_t:s0");
  for (const auto* path : {"/usr", "/usr/bin", "/usr/bin/labelled"})
    guest.with_label(path, "system_u:object_r:usr_t:s0");
  plan::Plan plan;
  plan.relabel = plan::Relabel::setfiles;
  plan.file_contexts = "/fc";
  plan.expectations.packages = {{"infiniband-diags", "5.5", "x86_64"}};
  SilentProgress progress;
  label_files(plan, guest, progress);
  EXPECT_EQ(shell.content("arguments"), "-s -m -e /proc -e /sys -e /dev -e /run /fc\n");
  EXPECT_THAT(split_lines(shell.content("names")),
              ::testing::UnorderedElementsAre(shell.file("changed"), "/usr/bin/it's here"));
  EXPECT_FALSE(guest.exists("/.autorelabel"));
}

TEST(Labels, AFileThatKeepsNoLabelLeadsToARelabelAtTheFirstBoot) {
  guest::MemoryGuest guest;
  HostShell shell(guest);
  shell.with_place("/proc/mounts", "mounts")
      .with_program("setfiles", "exit 0\n")
      .with_program("rpm", "echo /usr/sbin/ibstat\n");
  shell.with_program(
      "ls", "for f; do case $f in /usr/*) echo \"? $f\";; /*) echo \"system_u:object_r:etc_t:s0 $f\";; esac; done\n");
  write_text_atomically(shell.file("mounts"), "/dev/sda4 / xfs rw 0 0\n");
  EXPECT_THAT(guest::unlabelled_files(guest, {"/etc/bake-manifest.json", "/usr/sbin/ibstat"}),
              ::testing::ElementsAre("/usr/sbin/ibstat"));
  plan::Plan plan;
  plan.relabel = plan::Relabel::setfiles;
  plan.expectations.packages = {{"infiniband-diags", "5.5", "x86_64"}};
  SilentProgress progress;
  label_files(plan, guest, progress);
  EXPECT_EQ(guest.read("/.autorelabel"), "");
}

TEST(Labels, AModuleThatNoPackageOwnsNeedsALabel) {
  guest::MemoryGuest guest;
  HostShell shell(guest);
  shell.with_place("/proc/mounts", "mounts")
      .with_place("/lib/modules", "modules")
      .with_program("setfiles", "exit 0\n")
      .with_program(
          "ls", "for f; do case $f in *.ko) echo \"? $f\";; /*) echo \"system_u:object_r:etc_t:s0 $f\";; esac; done\n");
  write_text_atomically(shell.file("mounts"), "/dev/sda4 / xfs rw 0 0\n");
  std::filesystem::create_directories(shell.file("modules/K/extra"));
  plan::Plan plan;
  plan.relabel = plan::Relabel::setfiles;
  plan.fit.kernel = "K";
  SilentProgress progress;
  label_files(plan, guest, progress);
  EXPECT_FALSE(guest.exists("/.autorelabel"));
  write_text_atomically(shell.file("modules/K/extra/mlx5_core.ko"), "");  // as DKMS installs it
  label_files(plan, guest, progress);
  EXPECT_TRUE(guest.exists("/.autorelabel"));
}

TEST(Labels, CustomizedTypesAreResetOnRequest) {
  LabelledGuest image("/dev/sda4 / xfs rw 0 0\n");
  image.plan.reset_labels = true;
  image.label();
  EXPECT_EQ(image.shell.content("arguments"), "-F -m -e /proc -e /sys -e /dev -e /run /fc /\n");
  EXPECT_FALSE(image.guest.exists("/.autorelabel"));
  image.plan.relabel = plan::Relabel::autorelabel;
  image.label();
  EXPECT_EQ(image.guest.read("/.autorelabel"), "-F\n");
}

}  // namespace
}  // namespace bake::apply
