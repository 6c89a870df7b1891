#include "bake/guest/mount_plan.hpp"

#include <gtest/gtest.h>

#include "bake/base/error.hpp"
#include "tests/support/error_of.hpp"

namespace bake::guest {
namespace {

/// "device on mount point" of every planned mount.
std::vector<std::string> mounts_of(const MountPlan& plan) {
  std::vector<std::string> mounts;
  for (const auto& mount : plan.mounts) mounts.push_back(mount.device + " on " + mount.mount_point);
  return mounts;
}

FileSystem file_system(const std::string& device, const std::string& type, const std::string& uuid = "") {
  FileSystem result;
  result.device = device;
  result.type = type;
  result.uuid = uuid;
  return result;
}

TEST(Fstab, ReadsEntriesAndEscapes) {
  const auto entries = parse_fstab(
      "# /etc/fstab\n\nUUID=abc\t/\text4\tdefaults,discard\t0 1\n/dev/sdb1 /mnt/my\\040disk auto nofail\n"
      "too few\n  # indented comment\nLABEL=cloudimg-rootfs /boot/ xfs defaults 0 0\n");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].spec, "UUID=abc");
  EXPECT_EQ(entries[0].options, (std::vector<std::string>{"defaults", "discard"}));
  EXPECT_EQ(entries[1].mount_point, "/mnt/my disk");
  EXPECT_TRUE(entries[1].has_option("nofail"));
  EXPECT_EQ(entries[2].mount_point, "/boot");
}

TEST(FindFileSystem, AcceptsEveryFormOfAName) {
  std::vector<FileSystem> all{file_system("/dev/sda1", "vfat", "3A4F-11B2"),
                              file_system("/dev/sda2", "xfs", "6d3ad4a2"),
                              file_system("/dev/root-vg/root_lv", "xfs", "9999")};
  all[0].part_uuid = "1d8f3d2f-6a0e-4b52-9d8c-c5b2f0b7a111";
  all[0].part_label = "EFI System Partition";
  all[1].label = "boot";
  const auto device = [&](const std::string& spec) {
    const auto* found = find_file_system(spec, all);
    return found == nullptr ? std::string("none") : found->device;
  };
  EXPECT_EQ(device("UUID=3a4f-11b2"), "/dev/sda1") << "case of a FAT serial number does not matter";
  EXPECT_EQ(device("UUID=\"6d3ad4a2\""), "/dev/sda2");
  EXPECT_EQ(device("LABEL=boot"), "/dev/sda2");
  EXPECT_EQ(device("PARTUUID=1d8f3d2f-6a0e-4b52-9d8c-c5b2f0b7a111"), "/dev/sda1");
  EXPECT_EQ(device("PARTLABEL=\"EFI System Partition\""), "/dev/sda1");
  EXPECT_EQ(device("/dev/disk/by-uuid/6d3ad4a2"), "/dev/sda2");
  EXPECT_EQ(device("/dev/disk/by-partuuid/1d8f3d2f-6a0e-4b52-9d8c-c5b2f0b7a111"), "/dev/sda1");
  EXPECT_EQ(device("/dev/mapper/root--vg-root_lv"), "/dev/root-vg/root_lv");
  EXPECT_EQ(device("/dev/root-vg/root_lv"), "/dev/root-vg/root_lv");
  for (const auto* name : {"/dev/sda2", "/dev/vda2", "/dev/xvda2", "/dev/hda2", "/dev/nvme0n1p2"})
    EXPECT_EQ(device(name), "/dev/sda2") << name;
  for (const auto* name : {"/dev/sdb1", "/dev/sda", "/dev/sda3", "UUID=", "UUID=beef", "LABEL=", "server:/x", "tmpfs",
                           "/dev/mapper/root-vg-root_lv", "/dev/sda2x"})
    EXPECT_EQ(device(name), "none") << name;
}

TEST(MountPlan, FollowsALogicalVolumeLayout) {
  // RHEL 7.7 and CentOS 7.7 LVM images of the marketplace.
  const std::vector<FileSystem> all{
      file_system("/dev/sda1", "vfat", "93F6-99C7"), file_system("/dev/sda2", "xfs", "8cf2c8a8"),
      file_system("/dev/rootvg/homelv", "xfs"),      file_system("/dev/rootvg/rootlv", "xfs"),
      file_system("/dev/rootvg/tmplv", "xfs"),       file_system("/dev/rootvg/usrlv", "xfs"),
      file_system("/dev/rootvg/varlv", "xfs"),       file_system("/dev/rootvg/swaplv", "swap")};
  const auto fstab = parse_fstab(
      "/dev/mapper/rootvg-tmplv /tmp xfs defaults 0 0\n"
      "/dev/mapper/rootvg-rootlv / xfs defaults 0 0\n"
      "UUID=93F6-99C7 /boot/efi vfat defaults,uid=0,gid=0,umask=077,shortname=winnt 0 2\n"
      "UUID=8cf2c8a8 /boot xfs defaults 0 0\n"
      "/dev/mapper/rootvg-homelv /home xfs defaults 0 0\n"
      "/dev/mapper/rootvg-usrlv /usr xfs defaults 0 0\n"
      "/dev/mapper/rootvg-varlv /var xfs defaults 0 0\n"
      "/dev/mapper/rootvg-swaplv swap swap defaults 0 0\n"
      "tmpfs /dev/shm tmpfs defaults 0 0\n");
  const auto plan = plan_mounts(all[3], fstab, all);
  EXPECT_EQ(mounts_of(plan),
            (std::vector<std::string>{"/dev/rootvg/rootlv on /", "/dev/rootvg/tmplv on /tmp", "/dev/sda2 on /boot",
                                      "/dev/rootvg/homelv on /home", "/dev/rootvg/usrlv on /usr",
                                      "/dev/rootvg/varlv on /var", "/dev/sda1 on /boot/efi"}));
  EXPECT_TRUE(plan.warnings.empty());
}

TEST(MountPlan, SkipsEntriesOfOtherDisks) {
  const std::vector<FileSystem> all{file_system("/dev/sda1", "ext4", "root"), file_system("/dev/sda15", "vfat", "esp")};
  const auto fstab = parse_fstab(
      "UUID=root / ext4 defaults 0 1\nUUID=esp /boot/efi vfat umask=0077,noauto 0 1\n"
      "/dev/disk/cloud/azure_resource-part1 /mnt auto defaults,nofail,x-systemd.requires=cloud-init.service 0 2\n"
      "/dev/sdc1 /data ext4 defaults 0 2\nnas:/export /srv nfs defaults 0 0\n/var/log /srv/log none bind 0 0\n"
      "proc /proc proc defaults 0 0\n/swapfile none swap sw 0 0\n");
  const auto plan = plan_mounts(all[0], fstab, all);
  EXPECT_EQ(mounts_of(plan), std::vector<std::string>{"/dev/sda1 on /"});
  EXPECT_EQ(plan.notes, (std::vector<std::string>{
                            "/boot/efi (UUID=esp) is noauto",
                            "/mnt (/dev/disk/cloud/azure_resource-part1) is not on this disk; fstab has nofail"}));
  EXPECT_EQ(plan.warnings,
            (std::vector<std::string>{"/data (/dev/sdc1) is in the guest's /etc/fstab, but not on this disk",
                                      "/dev/sda15 (vfat) is not in the guest's /etc/fstab; bake does not mount it"}));
}

TEST(MountPlan, RefusesASystemWithMissingParts) {
  const std::vector<FileSystem> all{file_system("/dev/sda1", "ext4", "root")};
  const auto error = error_of([&] {
    plan_mounts(all[0], parse_fstab("UUID=root / ext4 defaults 0 1\nUUID=gone /usr ext4 defaults 0 1\n"), all);
  });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_EQ(error.message(), "mounting '/usr': the guest's /etc/fstab names 'UUID=gone', which is not on this disk");
}

TEST(MountPlan, ChecksMountPoints) {
  const std::vector<FileSystem> all{file_system("/dev/sda1", "ext4", "root"), file_system("/dev/sda2", "ext4", "x")};
  const auto plan = plan_mounts(
      all[0], parse_fstab("UUID=x /boot/../../etc ext4 defaults 0 1\nUUID=x relative ext4 defaults 0 1\n"), all);
  EXPECT_EQ(mounts_of(plan), std::vector<std::string>{"/dev/sda1 on /"});
  EXPECT_EQ(plan.warnings.size(), 3U);
  EXPECT_EQ(plan.warnings[0], "the guest's /etc/fstab has an invalid mount point '/boot/../../etc'");
}

TEST(MountPlan, WarnsWhenFstabNamesAnotherRoot) {
  const std::vector<FileSystem> all{file_system("/dev/sda1", "ext4", "root")};
  const auto plan = plan_mounts(all[0], parse_fstab("UUID=old / ext4 defaults 0 1\n"), all);
  EXPECT_EQ(plan.warnings, std::vector<std::string>{
                               "the guest's /etc/fstab names 'UUID=old' as /, but the root file system is /dev/sda1"});
}

TEST(DiskContent, ReadsTheOutputOfBlkid) {
  // blkid 2.38 on a GPT disk with LVM, as the appliance runs it.
  const auto content = parse_blkid(
      "DEVNAME=/dev/disk/guestfs/system\nPTUUID=0e1a\nPTTYPE=gpt\n\n"
      "DEVNAME=/dev/disk/guestfs/system1\nLABEL=ESP\nUUID=A3CA-BE2F\nVERSION=FAT16\nTYPE=vfat\nUSAGE=filesystem\n"
      "PART_ENTRY_SCHEME=gpt\nPART_ENTRY_NAME=EFI\\x20System\\x20Partition\n"
      "PART_ENTRY_UUID=1d8f3d2f-6a0e-4b52-9d8c-c5b2f0b7a111\n"
      "PART_ENTRY_TYPE=c12a7328-f81f-11d2-ba4b-00a0c93ec93b\nPART_ENTRY_NUMBER=1\n\n"
      "DEVNAME=/dev/disk/guestfs/"
      "system14\nPART_ENTRY_SCHEME=gpt\nPART_ENTRY_TYPE=21686148-6449-6e6f-744e-656564454649\n\n"
      "DEVNAME=/dev/disk/guestfs/system3\nUUID=Xy1\nTYPE=LVM2_member\nUSAGE=raid\n\n"
      "DEVNAME=/dev/mapper/root--vg-root\nLABEL=a\\ \\$b\nUUID=e17a\nTYPE=xfs\n");
  EXPECT_EQ(content.partition_table, "gpt");
  EXPECT_TRUE(content.lvm);
  EXPECT_TRUE(content.efi);
  EXPECT_TRUE(content.bios_boot);
  ASSERT_EQ(content.file_systems.size(), 3U);
  EXPECT_EQ(content.file_systems[0].device, "/dev/sda1");
  EXPECT_EQ(content.file_systems[0].part_label, "EFI System Partition");
  EXPECT_EQ(content.file_systems[0].part_uuid, "1d8f3d2f-6a0e-4b52-9d8c-c5b2f0b7a111");
  EXPECT_EQ(content.file_systems[1].type, "LVM2_member");
  EXPECT_EQ(content.file_systems[2].device, "/dev/root-vg/root");
  EXPECT_EQ(content.file_systems[2].label, "a $b");
}

TEST(DiskContent, ReadsDisksWithoutPartitionsAndWithMbr) {
  const auto whole = parse_blkid("DEVNAME=/dev/disk/guestfs/system\nUUID=1\nTYPE=ext4\n");
  EXPECT_EQ(whole.partition_table, "none");
  EXPECT_EQ(whole.file_systems.at(0).device, "/dev/sda");
  EXPECT_FALSE(whole.efi);
  EXPECT_FALSE(whole.bios_boot);
  EXPECT_EQ(parse_blkid("DEVNAME=/dev/disk/guestfs/system\nPTTYPE=dos\n\nDEVNAME=/dev/disk/guestfs/"
                        "system1\nTYPE=vfat\nPART_ENTRY_TYPE=0xef\n")
                .partition_table,
            "msdos");
  EXPECT_TRUE(parse_blkid("DEVNAME=/dev/disk/guestfs/system1\nTYPE=vfat\nPART_ENTRY_TYPE=0xef\n").efi);
  EXPECT_TRUE(parse_blkid("").file_systems.empty());
  EXPECT_TRUE(parse_blkid("garbage\n=\nDEVNAME\nTYPE=ext4\n").file_systems.empty());
}

TEST(DiskContent, UndoesTheEscapingOfDeviceMapper) {
  EXPECT_EQ(logical_volume_of("/dev/mapper/rootvg-rootlv"), "/dev/rootvg/rootlv");
  EXPECT_EQ(logical_volume_of("/dev/mapper/my--vg-var--lib"), "/dev/my-vg/var-lib");
  EXPECT_EQ(logical_volume_of("/dev/mapper/a---b"), "/dev/a-/b");
  EXPECT_EQ(logical_volume_of("/dev/sda1"), "/dev/sda1");
}

}  // namespace
}  // namespace bake::guest
