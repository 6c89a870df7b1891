#include "bake/boot/boot_default.hpp"

#include <gtest/gtest.h>

#include "bake/base/text.hpp"
#include "bake/boot/grub_env.hpp"
#include "bake/guest/memory.hpp"
#include "bake/inspect/kernels.hpp"
#include "tests/support/boot.hpp"

namespace bake::guest {
namespace {

using namespace bake::testing;

std::string environment(const std::string& variables) {
  auto block = "# GRUB Environment Block\n" + variables;
  return block + std::string(1024 - block.size(), '#');
}

/// A guest with kernels and nothing else.
MemoryGuest guest_with(const std::vector<std::string>& releases) {
  MemoryGuest guest;
  for (const auto& release : releases)
    guest.with_directory("/lib/modules/" + release).with_file("/boot/vmlinuz-" + release);
  return guest;
}

/// "release: how" of a guest.
std::string decision(MemoryGuest& guest) {
  const auto found = find_boot_default(guest, find_kernels(guest));
  return found.release + ": " + found.how;
}

std::string options(MemoryGuest& guest) { return find_boot_default(guest, find_kernels(guest)).options; }

std::vector<std::string> warnings(MemoryGuest& guest) { return find_boot_default(guest, find_kernels(guest)).warnings; }

/// GRUB's menu of EL7, and its environment when there are `variables`.
MemoryGuest centos7(const std::string& variables = {}) {
  auto guest = guest_with({"3.10.0-1062.el7.x86_64", "3.10.0-1062.12.1.el7.x86_64"});
  guest.with_file("/boot/grub2/grub.cfg", centos7_grub_cfg);
  if (!variables.empty()) guest.with_file("/boot/grub2/grubenv", environment(variables));
  return guest;
}

TEST(BootDefault, El7TakesTheSavedTitle) {
  auto guest = centos7("saved_entry=CentOS Linux (3.10.0-1062.el7.x86_64) 7 (Core)\n");
  EXPECT_EQ(decision(guest), "3.10.0-1062.el7.x86_64: grubenv saved_entry");
  EXPECT_EQ(options(guest), "root=/dev/mapper/rootvg-rootlv ro console=ttyS0 rootdelay=300");
}

TEST(BootDefault, El7TakesTheSavedIndex) {
  auto guest = centos7("saved_entry=1\n");
  EXPECT_EQ(decision(guest), "3.10.0-1062.el7.x86_64: grubenv saved_entry");
}

TEST(BootDefault, El7WithoutASavedEntryTakesTheFirst) {
  auto guest = centos7();
  EXPECT_EQ(decision(guest), "3.10.0-1062.12.1.el7.x86_64: first entry of /boot/grub2/grub.cfg");
  guest.with_file("/boot/grub2/grubenv", environment("saved_entry=CentOS Linux (3.10.0-957.el7.x86_64) 7 (Core)\n"));
  EXPECT_EQ(decision(guest),
            "3.10.0-1062.12.1.el7.x86_64: first entry of /boot/grub2/grub.cfg (grubenv saved_entry 'CentOS Linux "
            "(3.10.0-957.el7.x86_64) 7 (Core)' names none)");
}

TEST(BootDefault, ADefaultThatIsARescueEntryIsRefused) {
  auto guest = centos7("saved_entry=2\n");
  EXPECT_EQ(decision(guest),
            ": the default of GRUB is the rescue entry '/vmlinuz-0-rescue-554cc448505f4911a678768100ea69cd' (grubenv "
            "saved_entry)");
}

TEST(BootDefault, SaysThatGrubDoesNotFollowALinkOfTheEnvironmentToTheEfiPartition) {
  auto guest = centos7();
  guest.with_file("/boot/efi/EFI/centos/grubenv",
                  environment("saved_entry=CentOS Linux (3.10.0-1062.el7.x86_64) 7 (Core)\n"));
  EXPECT_EQ(decision(guest), "3.10.0-1062.12.1.el7.x86_64: first entry of /boot/grub2/grub.cfg")
      << "GRUB looks for the environment next to its grub.cfg only";
  EXPECT_EQ(warnings(guest), std::vector<std::string>{});
  guest.with_link("/boot/grub2/grubenv", "../efi/EFI/centos/grubenv");
  EXPECT_EQ(decision(guest), "3.10.0-1062.el7.x86_64: grubenv saved_entry");
  EXPECT_EQ(warnings(guest),
            std::vector<std::string>{
                "/boot/grub2/grubenv is a link to the EFI system partition, which GRUB does not follow: a VM of "
                "generation 1 boots 3.10.0-1062.12.1.el7.x86_64; the driver is for 3.10.0-1062.el7.x86_64"});
}

TEST(BootDefault, GenerationTwoMayHaveItsMenuOnlyThere) {
  auto guest = guest_with({"3.10.0-1062.el7.x86_64", "3.10.0-1062.12.1.el7.x86_64"});
  guest.with_file("/boot/efi/EFI/BOOT/grub.cfg", "menuentry 'no' {\n linux /vmlinuz-3.10.0-1062.el7.x86_64\n}\n");
  guest.with_file("/boot/efi/EFI/centos/grub.cfg", replace_all(centos7_grub_cfg, "linux16", "linuxefi"));
  EXPECT_EQ(decision(guest), "3.10.0-1062.12.1.el7.x86_64: first entry of /boot/efi/EFI/centos/grub.cfg");
}

TEST(BootDefault, FollowsAStubOnTheEfiPartition) {
  auto guest = guest_with({"4.18.0-193.el8.x86_64", "4.18.0-305.el8.x86_64"});
  guest.with_file(
      "/boot/efi/EFI/redhat/grub.cfg",
      "search --no-floppy --fs-uuid --set=dev 60ad466f\nset prefix=($dev)/grub2\nconfigfile $prefix/grub.cfg\n");
  EXPECT_EQ(decision(guest),
            ": the default of GRUB cannot be determined: '/boot/grub2/grub.cfg' is not there "
            "(/boot/efi/EFI/redhat/grub.cfg)");
  guest.with_file("/boot/grub2/grub.cfg", "menuentry 'old' {\n linux /vmlinuz-4.18.0-193.el8.x86_64\n}\n");
  EXPECT_EQ(decision(guest), "4.18.0-193.el8.x86_64: first entry of /boot/grub2/grub.cfg");
  EXPECT_EQ(warnings(guest), std::vector<std::string>{});
}

TEST(BootDefault, TheLayoutTellsWhichFileSystemAUuidIs) {
  auto guest = guest_with({"4.18.0-193.el8.x86_64"});
  guest
      .with_file("/boot/efi/EFI/redhat/grub.cfg", "search --fs-uuid --set=dev AAAA\nconfigfile ($dev)/grub2/grub.cfg\n")
      .with_file("/boot/grub2/grub.cfg", "menuentry 'one' {\n linux /vmlinuz-4.18.0-193.el8.x86_64\n}\n");
  const auto with_uuid = [](const std::string& uuid) {
    Layout layout;
    layout.mounts = {{"/dev/sda3", "xfs", "/", 0, 0, "cccc"},
                     {"/dev/sda2", "xfs", "/boot", 0, 0, uuid},
                     {"/dev/sda1", "vfat", "/boot/efi", 0, 0, "bbbb"}};
    return layout;
  };
  const auto kernels = find_kernels(guest);
  EXPECT_EQ(find_boot_default(guest, kernels, with_uuid("aaaa")).warnings, std::vector<std::string>{});
  EXPECT_EQ(
      find_boot_default(guest, kernels, with_uuid("dddd")).warnings,
      std::vector<std::string>{
          "the image has two menus of GRUB: /boot/grub2/grub.cfg boots 4.18.0-193.el8.x86_64, "
          "/boot/efi/EFI/redhat/grub.cfg cannot be evaluated ('(unmounted:AAAA)/grub2/grub.cfg' is not there); the "
          "VM's generation decides which counts, and the driver is for 4.18.0-193.el8.x86_64"});
}

MemoryGuest rhel8() {
  auto guest = guest_with({"4.18.0-193.el8.x86_64", "4.18.0-193.14.3.el8_2.x86_64"});
  const std::string entries = "/boot/loader/entries/1b2c3d4e5f60718293a4b5c6d7e8f901-";
  guest.with_file("/boot/grub2/grub.cfg", rhel8_grub_cfg)
      .with_file("/boot/grub2/grubenv", rhel8_grubenv)
      .with_file(entries + "4.18.0-193.el8.x86_64.conf", rhel8_bls_193)
      .with_file(entries + "4.18.0-193.14.3.el8_2.x86_64.conf", rhel8_bls_193_14)
      .with_file(entries + "0-rescue.conf", rhel8_bls_rescue);
  return guest;
}

TEST(BootDefault, El8TakesTheSavedBlsEntryAndKernelopts) {
  auto guest = rhel8();
  EXPECT_EQ(decision(guest), "4.18.0-193.el8.x86_64: grubenv saved_entry");
  EXPECT_EQ(options(guest),
            "root=/dev/mapper/rootvg-rootlv ro loglevel=3 crashkernel=auto console=tty1 console=ttyS0 rootdelay=300");
}

TEST(BootDefault, El8WithoutASavedEntryTakesTheFirstBlsEntry) {
  auto guest = rhel8();
  guest.write("/boot/grub2/grubenv", environment("boot_success=0\n"));
  EXPECT_EQ(decision(guest), "4.18.0-193.14.3.el8_2.x86_64: first entry of /boot/loader/entries");
  EXPECT_EQ(options(guest), "root=/dev/mapper/rootvg-rootlv ro loglevel=3 from=grub.cfg");
}

TEST(BootDefault, El8CountsBlsEntriesFromTheNewest) {
  auto guest = rhel8();
  guest.write("/boot/grub2/grubenv", environment("saved_entry=1\n"));
  EXPECT_EQ(decision(guest), "4.18.0-193.el8.x86_64: grubenv saved_entry");
  guest.write("/boot/grub2/grubenv", environment("saved_entry=1b2c3d4e5f60718293a4b5c6d7e8f901-0-rescue\n"));
  EXPECT_EQ(decision(guest),
            ": the default of GRUB is the rescue entry '/vmlinuz-0-rescue-1b2c3d4e5f60718293a4b5c6d7e8f901' (grubenv "
            "saved_entry)");
}

TEST(BootDefault, AMenuWithoutItsBlsEntriesIsUndetermined) {
  auto guest = rhel8();
  guest.remove("/boot/loader");
  EXPECT_EQ(decision(guest),
            ": the default of GRUB cannot be determined: 'blscfg' finds no entry in /boot/loader/entries "
            "(/boot/grub2/grub.cfg)");
}

TEST(BootDefault, BlsEntriesWithoutAGrubCfgAreUndetermined) {
  auto guest = rhel8();
  guest.remove("/boot/grub2/grub.cfg");
  EXPECT_EQ(decision(guest), ": there are entries in /boot/loader/entries, but no grub.cfg that reads them");
}

// The rule of EL8 is by version, that of EL9 by file name; the machine id differs in a cloned image.
TEST(BootDefault, TheSystemTellsTheOrderOfBlsEntries) {
  auto guest = guest_with({"1.0-1.x", "1.0-2.x"});
  guest.with_file("/boot/grub2/grub.cfg", "blscfg\n")
      .with_file("/boot/loader/entries/b-1.0-1.x.conf", "title old\nversion 1.0-1.x\nlinux /vmlinuz-1.0-1.x\n")
      .with_file("/boot/loader/entries/a-1.0-2.x.conf", "title new\nversion 1.0-2.x\nlinux /vmlinuz-1.0-2.x\n");
  EXPECT_EQ(decision(guest),
            ": the default of GRUB cannot be determined: it is '/vmlinuz-1.0-1.x' or '/vmlinuz-1.0-2.x': the disk does "
            "not tell whose GRUB it is (/boot/grub2/grub.cfg)");
  guest.with_file("/etc/os-release", "ID=rocky\nVERSION_ID=8.8\n");
  EXPECT_EQ(decision(guest), "1.0-2.x: first entry of /boot/loader/entries");
  guest.write("/etc/os-release", "ID=rocky\nVERSION_ID=9.4\n");
  EXPECT_EQ(decision(guest), "1.0-1.x: first entry of /boot/loader/entries");
}

// 08_fallback_counting of EL8: "set default=1" counts only after boots that failed.
TEST(BootDefault, El8CountsFailedBoots) {
  const std::string counting =
      "if [ -n \"${boot_counter}\" -a \"${boot_success}\" = \"0\" ]; then\n"
      "  if  [ \"${boot_counter}\" = \"0\" -o \"${boot_counter}\" = \"-1\" ]; then\n"
      "    set default=1\n    set boot_counter=-1\n  else\n    decrement boot_counter\n  fi\n"
      "  save_env boot_counter\nfi\n";
  auto guest = rhel8();
  guest.write("/boot/grub2/grub.cfg", replace_all(rhel8_grub_cfg, "### BEGIN /etc/grub.d/10_linux ###", counting));
  const std::string saved = "saved_entry=1b2c3d4e5f60718293a4b5c6d7e8f901-4.18.0-193.14.3.el8_2.x86_64\n";
  const auto with = [&](const std::string& more) {
    guest.write("/boot/grub2/grubenv", environment(saved + more));
    return decision(guest);
  };
  EXPECT_EQ(with("boot_success=1\nboot_counter=0\n"), "4.18.0-193.14.3.el8_2.x86_64: grubenv saved_entry");
  EXPECT_EQ(with("boot_success=0\nboot_counter=2\n"), "4.18.0-193.14.3.el8_2.x86_64: grubenv saved_entry");
  EXPECT_EQ(with("boot_success=0\nboot_counter=0\n"), "4.18.0-193.el8.x86_64: set default in /boot/grub2/grub.cfg");
}

/// GRUB's menu of Ubuntu, and its environment when there are `variables`.
MemoryGuest ubuntu(const std::string& variables = {}) {
  auto guest = guest_with({"5.4.0-26-generic", "5.4.0-1010-azure"});
  guest.with_file("/boot/grub/grub.cfg", ubuntu2004_grub_cfg);
  if (!variables.empty()) guest.with_file("/boot/grub/grubenv", environment(variables));
  return guest;
}

TEST(BootDefault, UbuntuTakesTheFirstEntry) {
  auto guest = ubuntu("next_entry=\nprev_entry=\n");
  EXPECT_EQ(decision(guest), "5.4.0-1010-azure: first entry of /boot/grub/grub.cfg");
  EXPECT_EQ(options(guest),
            "root=PARTUUID=1d8f3d2f-6a0e-4b52-9d8c-c5b2f0b7a111 ro console=tty1 console=ttyS0 earlyprintk=ttyS0 "
            "panic=-1");
}

TEST(BootDefault, UbuntuOldBootsTheOldLayoutToo) {
  // 16.04 and 18.04 with /boot on its own partition name the kernel without /boot.
  auto guest = guest_with({"4.4.0-21-generic", "4.15.0-1013-azure"});
  guest.with_file("/boot/grub/grub.cfg",
                  "set default=\"0\"\nmenuentry 'Ubuntu' --class os $menuentry_id_option 'gnulinux-simple-x' {\n"
                  "\tlinux\t/vmlinuz-4.4.0-21-generic root=UUID=bdf328db ro  console=ttyS0\n}\n");
  EXPECT_EQ(decision(guest), "4.4.0-21-generic: first entry of /boot/grub/grub.cfg");
}

TEST(BootDefault, UbuntuFollowsSubmenus) {
  auto guest = ubuntu();
  for (const std::string choice :
       {"1>2", "Advanced options for Ubuntu>Ubuntu, with Linux 5.4.0-26-generic",
        "gnulinux-advanced-bdf328db-9606-49ba-8e44-5e1299ae56f0>gnulinux-5.4.0-26-generic-advanced-bdf328db-9606-49ba-"
        "8e44-5e1299ae56f0"}) {
    guest.write("/boot/grub/grub.cfg",
                replace_all(ubuntu2004_grub_cfg, "set default=\"0\"", "set default=\"" + choice + "\""));
    EXPECT_EQ(decision(guest), "5.4.0-26-generic: set default in /boot/grub/grub.cfg") << choice;
  }
}

TEST(BootDefault, AOneTimeEntryIsNotTheDefault) {
  auto guest = ubuntu("next_entry=1>2\n");
  EXPECT_EQ(decision(guest), "5.4.0-1010-azure: first entry of /boot/grub/grub.cfg");
  EXPECT_EQ(warnings(guest),
            std::vector<std::string>{"GRUB boots kernel 5.4.0-26-generic once before it boots 5.4.0-1010-azure again "
                                     "(grubenv next_entry '1>2'); the driver is for 5.4.0-1010-azure"});
}

TEST(BootDefault, AOneTimeEntryBesideASavedOne) {
  auto guest = centos7("saved_entry=1\nnext_entry=0\n");
  EXPECT_EQ(decision(guest), "3.10.0-1062.el7.x86_64: grubenv saved_entry");
  EXPECT_EQ(warnings(guest),
            std::vector<std::string>{
                "GRUB boots kernel 3.10.0-1062.12.1.el7.x86_64 once before it boots 3.10.0-1062.el7.x86_64 again "
                "(grubenv next_entry '0'); the driver is for 3.10.0-1062.el7.x86_64"});
}

TEST(BootDefault, AOneTimeEntryOfTheSameKernelIsNoNews) {
  auto guest = ubuntu("next_entry=0\n");
  EXPECT_EQ(decision(guest), "5.4.0-1010-azure: first entry of /boot/grub/grub.cfg");
  EXPECT_EQ(warnings(guest), std::vector<std::string>{});
  guest.write("/boot/grub/grubenv", environment("next_entry=no such entry\n"));
  EXPECT_EQ(warnings(guest), std::vector<std::string>{}) << "GRUB takes the first entry instead";
}

TEST(BootDefault, AOneTimeEntryOfAKernelThatIsNotThere) {
  auto guest = ubuntu("next_entry=1>2\n");
  guest.remove("/lib/modules/5.4.0-26-generic");
  EXPECT_EQ(decision(guest), "5.4.0-1010-azure: first entry of /boot/grub/grub.cfg");
  EXPECT_EQ(
      warnings(guest),
      std::vector<std::string>{
          "GRUB boots '/boot/vmlinuz-5.4.0-26-generic', which is not a kernel of this image, once before it boots "
          "5.4.0-1010-azure again (grubenv next_entry '1>2'); the driver is for 5.4.0-1010-azure"});
}

TEST(BootDefault, AnEntryOfNoKernelOfTheImageIsNotReplacedByAGuess) {
  auto guest = ubuntu();
  guest.remove("/lib/modules/5.4.0-1010-azure");
  guest.with_link("/boot/vmlinuz", "vmlinuz-5.4.0-26-generic");
  const std::string how =
      ": the default of GRUB is '/boot/vmlinuz-5.4.0-1010-azure' (first entry of /boot/grub/grub.cfg), which is not a "
      "kernel of this image";
  EXPECT_EQ(decision(guest), how) << "an image without modules";
  guest.remove("/boot/vmlinuz-5.4.0-1010-azure");
  EXPECT_EQ(decision(guest), how) << "an entry that a removed kernel left";
  auto saved = rhel8();
  saved.remove("/lib/modules/4.18.0-193.el8.x86_64");
  EXPECT_EQ(decision(saved),
            ": the default of GRUB is '/vmlinuz-4.18.0-193.el8.x86_64' (grubenv saved_entry), which is not a kernel of "
            "this image");
}

TEST(BootDefault, ADefaultThatIsNoLinuxIsNotReplacedByAGuess) {
  auto guest = guest_with({"5.4.0-26-generic"});
  guest.with_file("/boot/grub/grub.cfg",
                  "set default=\"1\"\nmenuentry 'Linux' {\n linux /boot/vmlinuz-5.4.0-26-generic\n}\n"
                  "menuentry 'Other' {\n chainloader +1\n}\n");
  EXPECT_EQ(
      decision(guest),
      ": the default of GRUB is 'Other' (set default in /boot/grub/grub.cfg), which is not a kernel of this image");
}

TEST(BootDefault, ASignedImageIsItsKernel) {
  // Ubuntu 16.04 and 18.04 on EFI machines.
  auto guest = guest_with({"4.4.0-21-generic", "4.15.0-1013-azure"});
  guest.with_file(
      "/boot/grub/grub.cfg",
      "set default=\"0\"\nmenuentry 'Ubuntu' {\n\tlinux\t/boot/vmlinuz-4.4.0-21-generic.efi.signed ro\n}\n");
  EXPECT_EQ(decision(guest), "4.4.0-21-generic: first entry of /boot/grub/grub.cfg");
}

/// EL7 that boots both ways: a menu and an environment for BIOS, and others for EFI.
MemoryGuest hybrid(const std::string& bios, const std::string& efi) {
  auto guest = centos7(bios);
  guest.with_file("/boot/efi/EFI/centos/grub.cfg", replace_all(centos7_grub_cfg, "linux16", "linuxefi"))
      .with_file("/boot/efi/EFI/centos/grubenv", environment(efi));
  return guest;
}

TEST(BootDefault, SaysWhenTwoMenusDisagree) {
  auto guest = hybrid("saved_entry=1\n", "saved_entry=0\n");
  EXPECT_EQ(decision(guest), "3.10.0-1062.el7.x86_64: grubenv saved_entry");
  EXPECT_EQ(warnings(guest),
            std::vector<std::string>{
                "the image has two menus of GRUB: /boot/grub2/grub.cfg boots 3.10.0-1062.el7.x86_64, "
                "/boot/efi/EFI/centos/grub.cfg boots 3.10.0-1062.12.1.el7.x86_64; the VM's generation decides which "
                "counts, and the driver is for 3.10.0-1062.el7.x86_64"});
  EXPECT_EQ(find_boot_default(guest, find_kernels(guest)).second_menu,
            (SecondMenu{2, "/boot/efi/EFI/centos/grub.cfg", "3.10.0-1062.12.1.el7.x86_64",
                        "boots 3.10.0-1062.12.1.el7.x86_64"}));
  auto same = hybrid("saved_entry=1\n", "saved_entry=1\n");
  EXPECT_EQ(warnings(same), std::vector<std::string>{});
  EXPECT_EQ(find_boot_default(same, find_kernels(same)).second_menu, std::nullopt);
}

TEST(BootDefault, AMenuOfAKernelThatIsGoneIsTheSecondMenu) {
  auto guest = hybrid("saved_entry=1\n", "saved_entry=0\n");
  guest.remove("/lib/modules/3.10.0-1062.el7.x86_64");
  EXPECT_EQ(decision(guest), "3.10.0-1062.12.1.el7.x86_64: first entry of /boot/efi/EFI/centos/grub.cfg");
  EXPECT_EQ(
      warnings(guest),
      std::vector<std::string>{
          "the image has two menus of GRUB: /boot/efi/EFI/centos/grub.cfg boots 3.10.0-1062.12.1.el7.x86_64, "
          "/boot/grub2/grub.cfg boots '/vmlinuz-3.10.0-1062.el7.x86_64', which is not a kernel of this image; the "
          "VM's generation decides which counts, and the driver is for 3.10.0-1062.12.1.el7.x86_64"});
  EXPECT_EQ(find_boot_default(guest, find_kernels(guest)).second_menu,
            (SecondMenu{1, "/boot/grub2/grub.cfg", "",
                        "boots '/vmlinuz-3.10.0-1062.el7.x86_64', which is not a kernel of this image"}));
}

/// Layouts of disks that boot in one generation of VMs only.
const Layout bios_only{"msdos", false, false, {}};
const Layout uefi_only{"gpt", false, true, {}};

/// "release: how" of a guest with this layout, and every warning.
std::string decision_with(MemoryGuest& guest, const Layout& layout) {
  const auto found = find_boot_default(guest, find_kernels(guest), layout);
  EXPECT_EQ(found.second_menu, std::nullopt);
  auto text = found.release + ": " + found.how;
  for (const auto& warning : found.warnings) text += "; " + warning;
  return text;
}

TEST(BootDefault, TheLayoutTellsWhichMenuTheFirmwareReads) {
  auto guest = hybrid("saved_entry=1\n", "saved_entry=0\n");
  EXPECT_EQ(decision_with(guest, bios_only), "3.10.0-1062.el7.x86_64: grubenv saved_entry");
  EXPECT_EQ(decision_with(guest, uefi_only),
            "3.10.0-1062.12.1.el7.x86_64: first entry of /boot/efi/EFI/centos/grub.cfg");
  const Layout both{"gpt", false, true, {}, true};
  EXPECT_EQ(find_boot_default(guest, find_kernels(guest), both).second_menu->path, "/boot/efi/EFI/centos/grub.cfg");
}

TEST(BootDefault, AMenuThatTheFirmwareDoesNotReadIsNotAnAnswer) {
  auto bios_broken = hybrid("saved_entry=1\n", "saved_entry=0\n");
  bios_broken.remove("/lib/modules/3.10.0-1062.el7.x86_64");
  EXPECT_EQ(decision_with(bios_broken, bios_only),
            ": the default of GRUB is '/vmlinuz-3.10.0-1062.el7.x86_64' (grubenv saved_entry), which is not a kernel "
            "of this image");
  auto efi_broken = hybrid("saved_entry=0\n", "saved_entry=2\n");
  EXPECT_EQ(decision_with(efi_broken, uefi_only),
            ": the default of GRUB is the rescue entry '/vmlinuz-0-rescue-554cc448505f4911a678768100ea69cd' (grubenv "
            "saved_entry)");
}

TEST(BootDefault, GrubForEfiMayReadTheMenuBelowBoot) {
  auto guest = centos7("saved_entry=1\n");
  EXPECT_EQ(decision_with(guest, uefi_only), "3.10.0-1062.el7.x86_64: grubenv saved_entry");
}

TEST(BootDefault, AMenuForEfiDoesNotCountWithoutItsPartition) {
  auto guest = hybrid("", "saved_entry=1\n");
  guest.remove("/boot/grub2/grub.cfg");
  EXPECT_EQ(decision_with(guest, bios_only),
            ": the default kernel cannot be determined: there is no grub.cfg in /boot/grub2, in /boot/grub or on an "
            "EFI system partition, and bake reads no other boot loader");
}

TEST(BootDefault, TheSystemsOwnMenuForEfiCountsBeforeThatOfAnother) {
  auto guest = guest_with({"3.10.0-1062.el7.x86_64"});
  guest.with_file("/etc/os-release", "ID=\"rhel\"\nVERSION_ID=\"7.7\"\n")
      .with_file("/boot/efi/EFI/centos/grub.cfg", "menuentry 'old' {\n linuxefi /vmlinuz-3.10.0-957.el7.x86_64\n}\n")
      .with_file("/boot/efi/EFI/redhat/grub.cfg", "menuentry 'new' {\n linuxefi /vmlinuz-3.10.0-1062.el7.x86_64\n}\n");
  EXPECT_EQ(decision_with(guest, uefi_only),
            "3.10.0-1062.el7.x86_64: first entry of /boot/efi/EFI/redhat/grub.cfg; the image has two menus of GRUB: "
            "/boot/efi/EFI/redhat/grub.cfg boots 3.10.0-1062.el7.x86_64, /boot/efi/EFI/centos/grub.cfg boots "
            "'/vmlinuz-3.10.0-957.el7.x86_64', which is not a kernel of this image; bake takes the first menu, and the "
            "driver is for 3.10.0-1062.el7.x86_64");
}

TEST(BootDefault, TheEnvironmentBesideTheMenuCounts) {
  auto guest = guest_with({"3.10.0-1062.el7.x86_64", "3.10.0-1062.12.1.el7.x86_64"});
  guest.with_file("/boot/efi/EFI/centos/grub.cfg", replace_all(centos7_grub_cfg, "linux16", "linuxefi"))
      .with_file("/boot/efi/EFI/centos/grubenv", environment("saved_entry=1\n"))
      .with_file("/boot/grub2/grubenv", environment("saved_entry=0\n"));
  EXPECT_EQ(decision(guest), "3.10.0-1062.el7.x86_64: grubenv saved_entry");
  guest.write("/boot/efi/EFI/centos/grubenv", environment(""));
  EXPECT_EQ(decision(guest), "3.10.0-1062.12.1.el7.x86_64: first entry of /boot/efi/EFI/centos/grub.cfg")
      << "an environment without a saved entry says that there is none";
}

TEST(BootDefault, LinksDecideWithoutAMenu) {
  auto guest = guest_with({"5.4.0-26-generic", "5.4.0-1010-azure"});
  guest.with_link("/boot/vmlinuz", "vmlinuz-5.4.0-1010-azure");
  EXPECT_EQ(decision(guest), "5.4.0-1010-azure: link /boot/vmlinuz");
  guest.with_link("/vmlinuz", "boot/vmlinuz-5.4.0-26-generic");
  EXPECT_EQ(decision(guest), "5.4.0-26-generic: link /vmlinuz");
  guest.with_file("/boot/grub/grub.cfg",
                  "set default=0\nmenuentry 'Linux' {\n linux /boot/vmlinuz root=/dev/sda1\n}\n");
  EXPECT_EQ(decision(guest), "5.4.0-1010-azure: first entry of /boot/grub/grub.cfg") << "an image that is a link";
}

TEST(BootDefault, AFileThatALinkLeadsToIsOnlyReadIfItIsAMenu) {
  auto guest = ubuntu();
  std::string kernel;
  kernel.resize(text_limit + 1);
  guest.write("/boot/vmlinuz-5.4.0-26-generic", kernel);
  guest.with_link("/boot/grub/kernel", "../vmlinuz-5.4.0-26-generic");
  const std::string menu = "menuentry 'Linux' {\n linux /boot/vmlinuz-5.4.0-1010-azure\n}\n";
  guest.write("/boot/grub/grub.cfg", "if [ -s $prefix/kernel ]; then\n" + menu + "fi\n");
  EXPECT_EQ(decision(guest), "5.4.0-1010-azure: first entry of /boot/grub/grub.cfg");
  guest.write("/boot/grub/grub.cfg", "source $prefix/kernel\n" + menu);
  EXPECT_EQ(decision(guest),
            ": the default of GRUB cannot be determined: '/boot/grub/kernel' is larger than 1048576 bytes "
            "(/boot/grub/grub.cfg)");
}

TEST(BootDefault, NothingIsGuessedWhenNothingDecides) {
  auto guest = guest_with({"5.4.0-9-generic", "5.4.0-26-generic"});
  EXPECT_EQ(decision(guest),
            ": the default kernel cannot be determined: there is no grub.cfg in /boot/grub2, in /boot/grub or on an "
            "EFI system partition, and bake reads no other boot loader");
  MemoryGuest empty;
  EXPECT_EQ(decision(empty), ": there is no kernel");
}

TEST(BootDefault, SurvivesHostileFiles) {
  auto guest = ubuntu();
  std::string garbage(100000, '\377');
  guest.with_file("/boot/grub/grubenv", garbage);
  EXPECT_EQ(decision(guest), "5.4.0-1010-azure: first entry of /boot/grub/grub.cfg");
  guest.write("/boot/grub/grubenv", "next_entry=1>2\n");  // no signature: GRUB reads nothing
  EXPECT_EQ(decision(guest), "5.4.0-1010-azure: first entry of /boot/grub/grub.cfg");
  std::string nested;
  for (int i = 0; i < 50000; ++i) nested += "submenu 'x' {\n";
  guest.write("/boot/grub/grub.cfg", nested);
  EXPECT_EQ(decision(guest),
            ": the default of GRUB cannot be determined: /boot/grub/grub.cfg: line 33: nested deeper than 64 levels "
            "(/boot/grub/grub.cfg)");
  guest.write("/boot/grub/grub.cfg",
              "menuentry\nmenuentry {\nlinux\n}\n}\n}\nset\nset default\nmenuentry 'a\nlinux \"");
  EXPECT_EQ(decision(guest),
            ": the default of GRUB cannot be determined: /boot/grub/grub.cfg: line 5: unexpected '}' "
            "(/boot/grub/grub.cfg)");
  guest.write("/boot/grub/grub.cfg", "a=xx\nwhile true; do a=$a$a; done\n");
  EXPECT_EQ(decision(guest),
            ": the default of GRUB cannot be determined: the script makes more than 4 MiB (/boot/grub/grub.cfg)");
  guest.write("/boot/grub/grub.cfg", "while true; do true; done\n");
  EXPECT_EQ(decision(guest),
            ": the default of GRUB cannot be determined: the script runs for more than 20000 commands "
            "(/boot/grub/grub.cfg)");
  guest.write("/boot/grub/grub.cfg", "source /boot/grub/grub.cfg\n");
  EXPECT_EQ(decision(guest),
            ": the default of GRUB cannot be determined: commands are nested deeper than 48 levels "
            "(/boot/grub/grub.cfg)");
  guest.write("/boot/grub/grub.cfg", std::string(2U << 20U, '#'));
  EXPECT_EQ(decision(guest),
            ": the default of GRUB cannot be determined: '/boot/grub/grub.cfg' is larger than 1048576 bytes "
            "(/boot/grub/grub.cfg)");
  guest.write("/boot/grub/grub.cfg", "menuentry a {\n linux (hd0,gpt1)/odd\n}\n");
  EXPECT_EQ(
      decision(guest),
      ": the default of GRUB is '(hd0,gpt1)/odd' (first entry of /boot/grub/grub.cfg), which is not a kernel of this "
      "image");
  guest.remove("/boot/grub/grub.cfg");
  guest.with_link("/boot/vmlinuz", "vmlinuz");
  guest.with_link("/vmlinuz", "/boot/vmlinuz");
  EXPECT_EQ(decision(guest),
            ": the default kernel cannot be determined: there is no grub.cfg in /boot/grub2, in /boot/grub or on an "
            "EFI system partition, and bake reads no other boot loader");
}

TEST(Grub, ReadsTheEnvironmentBlock) {
  const auto variables = parse_grubenv(environment("saved_entry=a\\\\b=c\nbad name=1\n=2\nempty=\n"));
  EXPECT_EQ(variables, (std::map<std::string, std::string>{{"saved_entry", "a\\b=c"}, {"empty", ""}}));
}

TEST(BootDefault, AMessageIsOneLineForEveryTitle) {
  auto guest = guest_with({"5.4.0-26-generic"});
  guest.with_file("/boot/grub/grub.cfg", "menuentry 'evil\nkernel: x\x1b[2J' { linux /boot/vmlinuz-nowhere }\n");
  const auto said = decision(guest);
  EXPECT_EQ(said.find('\n'), std::string::npos);
  EXPECT_EQ(said.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace bake::guest
