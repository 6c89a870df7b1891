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
  plan.deferred = {"weak-modules"};
  plan.fit.kernel = "K";
  plan.changes.push_back({action, "kmod-mlnx-ofa_kernel", "5.5-1", "x86_64", "", "RPMS/kmod.rpm", 0, ""});
  return plan;
}

/// A guest with weak-modules, whose rpm calls it as a kmod package's scriptlets do.
struct RpmGuest {
  guest::MemoryGuest guest;
  HostShell shell{guest};

  RpmGuest() {
    shell.with_place("/usr/sbin /usr/bin /sbin /bin", ".")
        .with_program("weak-modules", "echo \"$@\" $(cat) >>" + shell.file("calls") + "\n")
        .with_program("rpm", "for i in 1 2; do echo module$i.ko | weak-modules --add-modules; done\n");
  }
};

void change(const plan::Plan& plan, RpmGuest& image) {
  change_rpm_packages(plan.changes, deferred_tools(plan), image.guest);
}

TEST(RpmPackages, WeakModulesRunsOnceForTheKernelThatBootsAndBuildsNoInitramfs) {
  RpmGuest image;
  const auto genuine = image.shell.content("weak-modules");
  change(plan_of(resolve::PackageChange::Action::install), image);
  EXPECT_EQ(image.shell.content("calls"), "--no-initramfs --add-kernel K\n");
  EXPECT_EQ(image.shell.content("weak-modules"), genuine);
  EXPECT_FALSE(std::filesystem::exists(image.shell.file("weak-modules.bake-aside")));
}

TEST(RpmPackages, WeakModulesDoesNotRunForModulesOfTheKernelThatBoots) {
  RpmGuest image;
  image.shell.with_program("rpm", "echo /lib/modules/K/extra/module.ko | weak-modules --add-modules\n");
  change(plan_of(resolve::PackageChange::Action::install), image);
  EXPECT_FALSE(std::filesystem::exists(image.shell.file("calls")));
}

TEST(RpmPackages, WeakModulesDoesNotRunForModulesThatBakeLinks) {
  RpmGuest image;
  auto plan = plan_of(resolve::PackageChange::Action::install);
  plan.fit.kind = resolve::FitKind::weak_updates;
  change(plan, image);
  EXPECT_FALSE(std::filesystem::exists(image.shell.file("calls")));
}

TEST(RpmPackages, LinksToRemovedModulesAreTakenAwayForEveryKernel) {
  RpmGuest image;
  image.shell.with_program("rpm", "for i in 1 2; do echo module$i.ko | weak-modules --remove-modules; done\n");
  change(plan_of(resolve::PackageChange::Action::remove), image);
  EXPECT_EQ(image.shell.content("calls"), "--no-initramfs --remove-modules module1.ko module2.ko\n");
}

TEST(RpmPackages, AWeakModulesThatAPackageInstalledStays) {
  RpmGuest image;
  image.shell.with_program(
      "rpm", "rm -f " + image.shell.file("weak-modules") + "; echo new >" + image.shell.file("weak-modules") + "\n");
  change(plan_of(resolve::PackageChange::Action::upgrade), image);
  EXPECT_EQ(image.shell.content("weak-modules"), "new\n");
  EXPECT_FALSE(std::filesystem::exists(image.shell.file("weak-modules.bake-aside")));
}

TEST(RpmPackages, AFailureOfRpmIsReportedAndWeakModulesIsRestored) {
  RpmGuest image;
  image.shell.with_program("rpm", "echo 'error: x conflicts with y'; exit 2\n");
  EXPECT_EQ(error_of([&] { change(plan_of(resolve::PackageChange::Action::install), image); }).message(),
            "installing packages in the guest: exit status 2: error: x conflicts with y");
  EXPECT_FALSE(std::filesystem::exists(image.shell.file("weak-modules.bake-aside")));
}

TEST(RpmPackages, DepmodRunsOnceForAKernelThatDoesNotBoot) {
  RpmGuest image;
  image.shell.with_place("/lib/modules/*", "modules/*")
      .with_program("depmod", "echo \"$@\" >>" + image.shell.file("depmod-calls") + "\n")
      .with_program("rpm", "depmod -a K; depmod -a old; depmod -a old\n");
  for (const auto* release : {"K", "old", "other"})
    std::filesystem::create_directories(image.shell.file("modules") + "/" + release);
  auto plan = plan_of(resolve::PackageChange::Action::install);
  plan.deferred = {"depmod", "dracut"};
  change(plan, image);
  EXPECT_EQ(image.shell.content("depmod-calls"), "-a old\n");
}

TEST(RpmPackages, APackageOfAKernelStaysNextToThatOfAnotherKernel) {
  RpmGuest image;
  image.shell.with_program("rpm", "echo \"$@\" >>" + image.shell.file("rpm-calls") + "\n");
  plan::Plan plan;
  plan.changes = {{resolve::PackageChange::Action::install, "kernel-devel", "2", "x86_64", "", "devel.rpm", 1, ""},
                  {resolve::PackageChange::Action::install, "dkms", "3", "noarch", "", "dkms.rpm", 1, ""}};
  change(plan, image);
  EXPECT_EQ(image.shell.content("rpm-calls"),
            "-i --nodeps --oldpackage --nosignature /.bake-payload-1/devel.rpm\n"
            "-U --oldpackage --nosignature /.bake-payload-1/dkms.rpm\n");
}

TEST(RpmPackages, DkmsDoesNothingForTheDriverThatWasCompiledBefore) {
  RpmGuest image;
  image.shell.with_program("dkms", "echo \"$@\" >>" + image.shell.file("dkms-calls") + "\n")
      .with_program("rpm",
                    "echo \"$@\" >>" + image.shell.file("rpm-calls") + "\ncase $* in *driver*) dkms build ;; esac\n");
  plan::Plan plan;
  plan.built_modules = resolve::UsedModules{};
  plan.changes = {{resolve::PackageChange::Action::install, "dkms", "3", "noarch", "", "dkms.rpm", 1, ""},
                  {resolve::PackageChange::Action::install, "driver-dkms", "1", "noarch", "", "driver.rpm", 0, ""}};
  change(plan, image);
  EXPECT_EQ(image.shell.content("rpm-calls"),
            "-U --nodeps --oldpackage --nosignature /.bake-payload-1/dkms.rpm\n"
            "-U --oldpackage --nosignature /.bake-payload-0/driver.rpm\n");
  EXPECT_FALSE(std::filesystem::exists(image.shell.file("dkms-calls")));
}

}  // namespace
}  // namespace bake::apply
