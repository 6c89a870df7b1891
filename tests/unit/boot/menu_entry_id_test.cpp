#include "bake/boot/menu_entry_id.hpp"

#include <gtest/gtest.h>

namespace bake::guest {
namespace {

constexpr const char* menu = R"(### BEGIN /etc/grub.d/10_linux ###
menuentry 'Ubuntu' --class ubuntu $menuentry_id_option 'gnulinux-simple-U' {
	linux	/boot/vmlinuz-6.8.0-1 root=UUID=U
}
submenu 'Advanced options for Ubuntu' $menuentry_id_option 'gnulinux-advanced-U' {
	menuentry 'Ubuntu, with Linux 6.8.0-1' --class os $menuentry_id_option 'gnulinux-6.8.0-1-advanced-U' {
		linux	/boot/vmlinuz-6.8.0-1 root=UUID=U
	}
	menuentry 'Ubuntu, with Linux 5.15.0-1 (recovery mode)' --class os $menuentry_id_option 'gnulinux-5.15.0-1-recovery-U' {
		linux	/boot/vmlinuz-5.15.0-1 root=UUID=U recovery
	}
	menuentry 'Ubuntu, with Linux 5.15.0-1' --class os $menuentry_id_option 'gnulinux-5.15.0-1-advanced-U' {
		linux	/boot/vmlinuz-5.15.0-1 root=UUID=U
	}
}
)";

TEST(MenuEntryId, IsThatOfTheEntryInTheSubmenu) {
  EXPECT_EQ(menu_entry_id(menu, "5.15.0-1"), "gnulinux-advanced-U>gnulinux-5.15.0-1-advanced-U");
  EXPECT_EQ(menu_entry_id(menu, "6.8.0-1"), "gnulinux-advanced-U>gnulinux-6.8.0-1-advanced-U");
}

TEST(MenuEntryId, IsNothingForAKernelWithoutAnEntry) {
  EXPECT_EQ(menu_entry_id(menu, "5.15.0"), std::nullopt);
  EXPECT_EQ(menu_entry_id("", "5.15.0-1"), std::nullopt);
}

TEST(MenuEntryId, HasNoSubmenuInAFlatMenu) {  // GRUB_DISABLE_SUBMENU=y
  EXPECT_EQ(
      menu_entry_id("menuentry 'Ubuntu, with Linux 5.15.0-1' $menuentry_id_option 'gnulinux-5.15.0-1-advanced-U' {\n"
                    "\tlinux\t/vmlinuz-5.15.0-1 root=UUID=U\n}\n",
                    "5.15.0-1"),
      "gnulinux-5.15.0-1-advanced-U");
}

}  // namespace
}  // namespace bake::guest
