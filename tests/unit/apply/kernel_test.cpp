// Another default kernel, in guests whose programs only record their arguments.
#include "bake/apply/kernel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/apply/boot_entry.hpp"
#include "bake/base/error.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::apply {
namespace {

constexpr const char* old_kernel = "5.14.0-427.13.1.el9_4.x86_64";
constexpr const char* new_kernel = "5.14.0-427.42.1.el9_4.x86_64";

/// An EL9 guest with the entry of one kernel.
struct ElGuest {
  guest::MemoryGuest guest;
  HostShell shell{guest};
  SilentProgress progress;
  plan::KernelPlan plan;

  ElGuest() {
    plan.release = new_kernel;
    plan.previous = old_kernel;
    plan.family = guest::Family::rpm;
    plan.initramfs_tool = guest::InitramfsTool::dracut;
    plan.extra_payloads = 1;
    plan.changes = {{resolve::PackageChange::Action::install, "kernel-core", "5.14.0-427.42.1.el9_4", "x86_64", "",
                     "kernel-core.rpm", 1, "wanted"}};
    guest.with_payload({{"kernel-core.rpm", ""}});
    guest.with_directory("/boot/loader/entries");
    guest.with_file(std::string("/boot/loader/entries/0123-") + old_kernel + ".conf",
                    std::string("title RHEL (") + old_kernel + ") 9.4 (Plow)\nversion " + old_kernel +
                        "\nlinux /vmlinuz-" + old_kernel + "\ninitrd /initramfs-" + old_kernel +
                        ".img $tuned_initrd\noptions root=UUID=R console=ttyS0 $tuned_params\n");
    guest.with_file(std::string("/lib/modules/") + new_kernel + "/modules.dep",
                    "kernel/drivers/hv/hv_vmbus.ko.xz:\nkernel/drivers/nvme/host/nvme.ko.xz:\n");
    for (const std::string program : {"rpm", "depmod", "dracut", "grub2-editenv"})
      shell.with_program(program, "printf '%s\\n' \"" + program + " $*\" >>" + shell.file("calls") + "\n");
    shell.with_place("/usr/sbin /usr/bin /sbin /bin", ".")
        .with_place("/lib/modules/", "modules/")
        .with_place("/boot/", "boot/");
    std::filesystem::create_directories(shell.file("boot/grub2"));
    std::filesystem::create_directories(shell.file("boot/efi/EFI/redhat"));
    write_text_atomically(shell.file("boot/efi/EFI/redhat/grubenv"), "");
    std::filesystem::create_symlink("../efi/EFI/redhat/grubenv", shell.file("boot/grub2/grubenv"));
    std::filesystem::create_directories(shell.file("modules/") + new_kernel);
    for (const std::string name : {"vmlinuz", "config", "System.map", "symvers.gz", ".vmlinuz.hmac"})
      write_text_atomically(shell.file("modules/") + new_kernel + "/" + name, name);
  }

  void change() { change_kernel(plan, guest, progress); }
  [[nodiscard]] std::string entry() {
    return guest.read(std::string("/boot/loader/entries/0123-") + new_kernel + ".conf").value_or("none");
  }
};

TEST(ElKernel, IsInstalledNextToTheOldOneAndBecomesTheDefault) {
  ElGuest image;
  image.change();
  EXPECT_EQ(replace_all(replace_all(image.shell.content("calls"), new_kernel, "K"), image.shell.directory(), ""),
            "rpm -i --nodeps --oldpackage --nosignature /.bake-payload-1/kernel-core.rpm\n"
            "depmod -a K\n"
            "dracut --force --no-hostonly --no-hostonly-cmdline --add-drivers hv_vmbus nvme --omit-drivers mlx4_core "
            "mlx4_en mlx4_ib mlx5_core mlx5_ib mlxfw /boot/initramfs-K.img K\n"
            "grub2-editenv /boot/grub2/grubenv set saved_entry=0123-K\n"
            "grub2-editenv /boot/efi/EFI/redhat/grubenv set saved_entry=0123-K\n");
  EXPECT_TRUE(image.guest.mounted().empty());
}

TEST(ElKernel, ItsFilesAreCopiedToBoot) {
  ElGuest image;
  image.change();
  for (const std::string name : {"vmlinuz-K", "config-K", "System.map-K", "symvers-K.gz", ".vmlinuz-K.hmac"})
    EXPECT_TRUE(std::filesystem::exists(image.shell.file("boot/") + replace_all(name, "K", new_kernel))) << name;
}

TEST(ElKernel, ItsEntryIsACopyOfThatOfTheOldKernel) {
  ElGuest image;
  image.change();
  EXPECT_EQ(replace_all(image.entry(), new_kernel, "K"),
            "title RHEL (K) 9.4 (Plow)\nversion K\nlinux /vmlinuz-K\ninitrd /initramfs-K.img $tuned_initrd\n"
            "options root=UUID=R console=ttyS0 $tuned_params\n");
}

TEST(ElKernel, AKernelThatIsThereOnlyBecomesTheDefault) {
  ElGuest image;
  image.plan.changes.clear();
  image.guest.with_file(std::string("/boot/loader/entries/0123-") + new_kernel + ".conf",
                        std::string("title x\nlinux /vmlinuz-") + new_kernel + "\n");
  image.change();
  EXPECT_EQ(replace_all(replace_all(image.shell.content("calls"), new_kernel, "K"), image.shell.directory(), ""),
            "grub2-editenv /boot/grub2/grubenv set saved_entry=0123-K\n"
            "grub2-editenv /boot/efi/EFI/redhat/grubenv set saved_entry=0123-K\n");
  EXPECT_EQ(image.entry(), std::string("title x\nlinux /vmlinuz-") + new_kernel + "\n");
}

TEST(ElKernel, WithoutAnEntryOfTheOldKernelThereIsNoneToCopy) {
  ElGuest image;
  image.plan.previous = "5.14.0-1.el9.x86_64";
  const auto error = error_of([&] { image.change(); });
  EXPECT_EQ(error.kind(), ErrorKind::incompatible);
  EXPECT_EQ(error.message(), std::string("making ") + new_kernel +
                                 " the default: no entry in /boot/loader/entries boots 5.14.0-1.el9.x86_64");
}

TEST(ElKernel, TheLinkToTheEnvironmentBlockStaysWithoutBios) {
  ElGuest image;
  image.change();
  EXPECT_TRUE(std::filesystem::is_symlink(image.shell.file("boot/grub2/grubenv")));
}

TEST(ElKernel, WithBiosTheEnvironmentBlockBecomesAFile) {  // GRUB does not follow the link to another file system
  ElGuest image;
  image.plan.bios = true;
  image.change();
  EXPECT_FALSE(std::filesystem::is_symlink(image.shell.file("boot/grub2/grubenv")));
  EXPECT_TRUE(std::filesystem::exists(image.shell.file("boot/grub2/grubenv")));
}

TEST(ElKernel, AnEntryWithOtherArgumentsIsNotCopied) {
  ElGuest image;
  image.guest.with_file(std::string("/boot/loader/entries/0123-") + old_kernel + ".0~custom.conf",
                        std::string("title custom\nlinux /vmlinuz-") + old_kernel + "\noptions single\n");
  image.change();
  EXPECT_EQ(replace_all(image.entry(), new_kernel, "K").substr(0, 10), "title RHEL");
}

/// An Ubuntu guest that has the kernel already.
struct UbuntuGuest {
  guest::MemoryGuest guest;
  HostShell shell{guest};
  SilentProgress progress;
  plan::KernelPlan plan;

  UbuntuGuest() {
    plan.release = "5.15.0-1089-azure";
    shell.with_place("/usr/sbin /usr/bin /sbin /bin", ".")
        .with_program("os-prober", "echo found\n")
        .with_program("update-grub",
                      "os-prober >>" + shell.file("found") + "; echo update-grub >>" + shell.file("calls") + "\n");
    guest.with_directory("/etc/default/grub.d");
  }
};

TEST(UbuntuKernel, TheMenuIsWrittenAgainWithTheIdOfItsEntry) {
  UbuntuGuest image;
  image.guest.with_file("/boot/grub/grub.cfg",
                        "submenu 'More' $menuentry_id_option 'gnulinux-advanced-U' {\n"
                        "\tmenuentry 'x' $menuentry_id_option 'gnulinux-5.15.0-1089-azure-advanced-U' {\n"
                        "\t\tlinux /boot/vmlinuz-5.15.0-1089-azure\n\t}\n}\n");
  change_kernel(image.plan, image.guest, image.progress);
  EXPECT_EQ(image.shell.content("calls"), "update-grub\nupdate-grub\n");
  EXPECT_EQ(image.guest.read("/etc/default/grub.d/zz-bake-kernel.cfg"),
            "# Written by bake: the driver fits this kernel.\n"
            "GRUB_DEFAULT='gnulinux-advanced-U>gnulinux-5.15.0-1089-azure-advanced-U'\n");
  EXPECT_EQ(image.shell.content("found"), "") << "os-prober would find the appliance";
}

TEST(UbuntuKernel, AMenuWithoutItIsAnError) {
  UbuntuGuest image;
  image.guest.with_file("/boot/grub/grub.cfg", "");
  const auto error = error_of([&] { change_kernel(image.plan, image.guest, image.progress); });
  EXPECT_EQ(error.message(),
            "making 5.15.0-1089-azure the default: update-grub wrote no entry for it into /boot/grub/grub.cfg");
  EXPECT_FALSE(image.guest.exists("/etc/default/grub.d/zz-bake-kernel.cfg"));
}

}  // namespace
}  // namespace bake::apply
