#include "bake/appliance/kernel_log.hpp"

#include <gtest/gtest.h>

namespace bake::guest {
namespace {

// Log of Linux 6.1 with a virtio-scsi disk of qemu, whose file system on the host is full.
constexpr const char* full =
    "[    9.105111] EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.\n"
    "[   31.220017] sd 2:0:0:0: [sda] tag#86 Add. Sense: Space allocation failed write protect\n"
    "[   31.220300] critical space allocation error, dev sda, sector 264192 op 0x1:(WRITE) flags 0x4000 phys_seg 32 "
    "prio "
    "class 2\n"
    "[   31.221111] critical space allocation error, dev sda, sector 264448 op 0x1:(WRITE) flags 0x0 phys_seg 1 prio "
    "class 2\n";

TEST(KernelLog, FindsTheFirstLostWrite) {
  EXPECT_EQ(
      find_lost_write(full),
      "critical space allocation error, dev sda, sector 264192 op 0x1:(WRITE) flags 0x4000 phys_seg 32 prio class 2");
  EXPECT_EQ(find_lost_write("[1.0] blk_update_request: I/O error, dev sdb, sector 8 op 0x1:(WRITE) flags 0x800\n"),
            "blk_update_request: I/O error, dev sdb, sector 8 op 0x1:(WRITE) flags 0x800");
  EXPECT_EQ(find_lost_write("blk_update_request: critical space allocation error, dev sda, sector 2048"),
            "blk_update_request: critical space allocation error, dev sda, sector 2048")
      << "Linux before 5.1 does not name the operation";
}

TEST(KernelLog, NamesTheDisk) {
  const auto line = find_lost_write(full);
  EXPECT_TRUE(is_of_device(line, "/dev/sda"));
  EXPECT_FALSE(is_of_device(line, "/dev/sdb"));
  EXPECT_FALSE(is_of_device(line, "/dev/sd"));
  EXPECT_FALSE(is_of_device(line, "/dev/disk/guestfs/system")) << "a link that leads nowhere";
}

TEST(KernelLog, IgnoresOtherErrors) {
  EXPECT_EQ(find_lost_write(""), "");
  EXPECT_EQ(find_lost_write("[1.0] EXT4-fs (sda1): re-mounted\n[2.0] sd 2:0:0:0: [sda] Write cache: enabled\n"), "");
  EXPECT_EQ(find_lost_write("[1.0] I/O error, dev sdb, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2\n"),
            "");
  EXPECT_EQ(find_lost_write("[1.0] critical target error, dev sda, sector 8 op 0x3:(DISCARD) flags 0x800\n"), "");
  EXPECT_EQ(find_lost_write("[1.0] operation not supported error, dev sda, sector 8 op 0x9:(WRITE_ZEROES)\n"), "");
  EXPECT_EQ(find_lost_write("[1.0] I/O error, dev loop0, sector 8 op 0x1:(WRITE) flags 0x0\n"), "");
}

}  // namespace
}  // namespace bake::guest
