#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::apply {
namespace {

TEST(Labels, FileSystemsWithoutLabelsAreExcluded) {
  guest::MemoryGuest guest;
  HostShell shell(guest);
  // Like EL7's setfiles: no option -m; a label on vfat is an error.
  shell.with_place("/proc/mounts", "mounts")
      .with_program("setfiles",
                    "[ \"$1\" != -m ] || { echo \"setfiles:  invalid option -- 'm'\"; exit 255; }\n"
                    "echo \"$@\" >" +
                        shell.file("arguments") + "\n")
      .with_program("ls", "echo system_u:object_r:etc_t:s0 /etc/bake-manifest.json\n");
  write_text_atomically(
      shell.file("mounts"),
      "/dev/sda4 / xfs rw,relatime 0 0\n/dev/sda2 /boot xfs rw 0 0\n/dev/sda1 /boot/efi vfat rw 0 0\n");
  plan::Plan plan;
  plan.relabel = plan::Relabel::setfiles;
  plan.file_contexts = "/etc/selinux/targeted/contexts/files/file_contexts";
  SilentProgress progress;
  label_files(plan, guest, progress);
  EXPECT_EQ(shell.content("arguments"),
            "-F -e /proc -e /sys -e /dev -e /run -e /boot/efi /etc/selinux/targeted/contexts/files/file_contexts /\n");
  EXPECT_FALSE(guest.exists("/.autorelabel"));
}

}  // namespace
}  // namespace bake::apply
