#include "bake/apply/packages.hpp"

#include <filesystem>
#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::apply {
namespace {

plan::Plan plan_of(resolve::PackageChange::Action action) {
  plan::Plan plan;
  plan.changes.push_back({action, "kmod-mlnx-ofa_kernel", "5.5-1", "x86_64", "", "RPMS/kmod.rpm", 0, ""});
  return plan;
}

/// A guest with weak-modules, whose rpm calls it as a kmod package's scriptlets do.
struct RpmGuest {
  guest::MemoryGuest guest;
  HostShell shell{guest};

  RpmGuest() {
    shell.with_place("/usr/sbin/weak-modules", "weak-modules")
        .with_program("weak-modules", "echo \"$@\" >>" + shell.file("calls") + "\n")
        .with_program("rpm", "echo module.ko | weak-modules --add-modules\n");
  }
};

TEST(RpmPackages, ScriptletsBuildNoInitramfs) {
  RpmGuest image;
  const auto genuine = image.shell.content("weak-modules");
  change_rpm_packages(plan_of(resolve::PackageChange::Action::install), image.guest);
  change_rpm_packages(plan_of(resolve::PackageChange::Action::remove), image.guest);
  EXPECT_EQ(image.shell.content("calls"), "--no-initramfs --add-modules\n--no-initramfs --add-modules\n");
  EXPECT_EQ(image.shell.content("weak-modules"), genuine);
  EXPECT_FALSE(std::filesystem::exists(image.shell.file("weak-modules.bake-aside")));
}

TEST(RpmPackages, AWeakModulesThatAPackageInstalledStays) {
  RpmGuest image;
  image.shell.with_program(
      "rpm", "rm -f " + image.shell.file("weak-modules") + "; echo new >" + image.shell.file("weak-modules") + "\n");
  change_rpm_packages(plan_of(resolve::PackageChange::Action::upgrade), image.guest);
  EXPECT_EQ(image.shell.content("weak-modules"), "new\n");
  EXPECT_FALSE(std::filesystem::exists(image.shell.file("weak-modules.bake-aside")));
}

TEST(RpmPackages, AFailureOfRpmIsReportedAndWeakModulesIsRestored) {
  RpmGuest image;
  image.shell.with_program("rpm", "echo 'error: x conflicts with y'; exit 2\n");
  EXPECT_EQ(
      error_of([&] { change_rpm_packages(plan_of(resolve::PackageChange::Action::install), image.guest); }).message(),
      "installing packages in the guest: exit status 2: error: x conflicts with y");
  EXPECT_FALSE(std::filesystem::exists(image.shell.file("weak-modules.bake-aside")));
}

}  // namespace
}  // namespace bake::apply
