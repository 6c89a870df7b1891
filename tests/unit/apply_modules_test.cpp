#include <filesystem>
#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "host_shell.hpp"

namespace bake::apply {
namespace {

namespace fs = std::filesystem;

constexpr const char* built = "4.18.0-193.el8.x86_64";
constexpr const char* boots = "4.18.0-193.28.1.el8_2.x86_64";

/// A guest with modules of two vendors for the release kernel; rpm knows which are whose.
struct ModulesGuest {
  guest::MemoryGuest guest;
  HostShell shell{guest};

  ModulesGuest() {
    const auto extra = std::string("modules/") + built + "/extra/";
    for (const std::string module : {"mlnx-ofa_kernel/core/ib_core.ko", "kmod-kvdo/vdo/kvdo.ko"}) {
      const auto file = shell.file(extra + module);
      fs::create_directories(fs::path(file).parent_path());
      write_text_atomically(file, "");
    }
    shell.with_place("/lib/modules", "modules")
        .with_program("depmod", "")
        .with_program("rpm",
                      "[ \"$*\" = '-ql kmod-mlnx-ofa_kernel' ] || exit 1\n"
                      "echo /etc/depmod.d/zz01-mlnx-ofa_kernel-ib_core.conf\n"
                      "echo " +
                          shell.file(extra + "mlnx-ofa_kernel/core/ib_core.ko") + "\n");
  }
};

TEST(Modules, OnlyTheModulesOfTheBundleAreLinkedBelowWeakUpdates) {
  ModulesGuest image;
  plan::Plan plan;
  plan.fit.kind = ofed::FitKind::weak_updates;
  plan.fit.kernel = boots;
  plan.fit.built_kernel = built;
  plan.changes = {{ofed::Change::Action::install, "kmod-mlnx-ofa_kernel", "5.5-1", "x86_64", "", "x.rpm", 0, ""},
                  {ofed::Change::Action::install, "mlnx-ofa_kernel", "5.5-1", "x86_64", "", "y.rpm", 0, ""}};
  SilentProgress progress;
  place_modules(plan, image.guest, progress);
  const auto weak_updates = image.shell.file(std::string("modules/") + boots + "/weak-updates");
  EXPECT_EQ(fs::read_symlink(weak_updates + "/mlnx-ofa_kernel/core/ib_core.ko"),
            image.shell.file(std::string("modules/") + built + "/extra/mlnx-ofa_kernel/core/ib_core.ko"));
  EXPECT_FALSE(fs::exists(weak_updates + "/kmod-kvdo"));
}

}  // namespace
}  // namespace bake::apply
