// The script that installs debs, run with this machine's dpkg on a separate root directory.
#include <cstdlib>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/apply/packages.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/memory.hpp"
#include "tests/support/error_of.hpp"

namespace bake::apply {
namespace {

namespace fs = std::filesystem;
using resolve::PackageChange;
using ::testing::HasSubstr;

class DebPackages : public ::testing::Test {
 protected:
  DebPackages() {
    for (const auto* directory : {"info", "updates", "triggers"})
      fs::create_directories(root() / "var/lib/dpkg" / directory);
    for (const auto* file : {"status", "available"}) write_text_atomically(root() / "var/lib/dpkg" / file, "");
    fs::create_directories(root() / ".bake-payload-0");
    fs::create_directories(bin());
    // Without root rights, perhaps without /sbin on the path, and with the packages below the root directory.
    write_text_atomically(
        bin() / "dpkg",
        fmt::format("#!/bin/sh\nfor a; do shift; case $a in /.bake-payload-*) a={0}$a;; esac; set -- \"$@\" \"$a\"; "
                    "done\nexec {1} --root={0} --log=/dev/null --force-not-root --force-bad-path \"$@\"\n",
                    root().string(), find_program("dpkg").value()));
    fs::permissions(bin() / "dpkg", fs::perms::owner_all);
    guest.with_handler([this](const std::string& script) -> std::optional<guest::ShellResult> {
      if (script.find("policy-rc.d") != std::string::npos) return guest::ShellResult{};
      ++runs;
      const auto path = fmt::format("PATH={}:{}\nexec 2>&1\n", bin().string(), std::getenv("PATH"));
      const auto result = run_program({"/bin/sh", "-c", path + script});
      return guest::ShellResult{result.status, result.out};
    });
  }

  [[nodiscard]] fs::path root() const { return scratch.path() / "root"; }
  [[nodiscard]] fs::path bin() const { return scratch.path() / "bin"; }

  /// Makes a package with one file and plans to install it.
  void plan_package(const std::string& name, const std::string& version, const std::string& more,
                    const std::string& file) {
    const auto tree = scratch.path() / "tree";
    fs::create_directories(tree / "DEBIAN");
    fs::create_directories((tree / file).parent_path());
    write_text_atomically(tree / file, name);
    write_text_atomically(
        tree / "DEBIAN/control",
        fmt::format("Package: {}\nVersion: {}\nArchitecture: all\nMaintainer: x <x@y>\n{}Description: "
                    "x\n",
                    name, version, more));
    const auto deb = name + ".deb";
    const auto built = run_program({"dpkg-deb", "--build", tree.string(), (root() / ".bake-payload-0" / deb).string()});
    ASSERT_EQ(built.status, 0) << built.err;
    fs::remove_all(tree);
    plan.changes.push_back({PackageChange::Action::install, name, version, "all", "", deb, 0, "wanted"});
  }

  [[nodiscard]] std::string state_of(const std::string& name) const {
    return run_program({(bin() / "dpkg").string(), "--status", name}).out;
  }

  TemporaryDirectory scratch;
  guest::MemoryGuest guest;
  plan::Plan plan;
  int runs = 0;
};

TEST_F(DebPackages, InstallAPackageWithPreDepends) {
  // Like python, python-minimal and python2.7-minimal of Ubuntu 18.04.
  plan_package("python", "2.7", "Pre-Depends: python-minimal (= 2.7)\n", "usr/bin/a");
  plan_package("python-minimal", "2.7", "Pre-Depends: python2.7-minimal\n", "usr/bin/b");
  plan_package("python2.7-minimal", "2.7", "", "usr/bin/c");
  plan_package("user-of-python", "1", "Depends: python\n", "usr/bin/d");
  change_deb_packages(plan.changes, deferred_tools(plan), guest);
  for (const auto* name : {"python", "python-minimal", "python2.7-minimal", "user-of-python"})
    EXPECT_THAT(state_of(name), HasSubstr("Status: install ok installed")) << name;
  EXPECT_EQ(runs, 1);
}

TEST_F(DebPackages, MayOwnFilesOfRemovedPackages) {
  plan_package("ibverbs-providers", "28.0", "", "etc/libibverbs.d/mlx5.driver");
  plan_package("mpi", "1", "Depends: ibverbs-providers | libmlx5-1\n", "usr/bin/mpi");
  change_deb_packages(plan.changes, deferred_tools(plan), guest);
  plan.changes.clear();
  plan_package("libmlx5-1", "41mlnx1", "", "etc/libibverbs.d/mlx5.driver");  // declares no conflict
  plan.changes.push_back({PackageChange::Action::remove, "ibverbs-providers", "28.0", "all", "", "", 0, "goes"});
  change_deb_packages(plan.changes, deferred_tools(plan), guest);
  EXPECT_THAT(state_of("libmlx5-1"), HasSubstr("Status: install ok installed"));
  EXPECT_THAT(state_of("ibverbs-providers"), Not(HasSubstr("ok installed")));
  EXPECT_EQ(read_text(root() / "etc/libibverbs.d/mlx5.driver"), "libmlx5-1");
}

TEST_F(DebPackages, AMissingDependencyIsAnError) {
  plan_package("libibverbs1", "55", "Depends: nothing-has-this\n", "usr/lib/libibverbs.so.1");
  const auto error = error_of([&] { change_deb_packages(plan.changes, deferred_tools(plan), guest); });
  EXPECT_THAT(error.message(), HasSubstr("installing packages in the guest: exit status 1: "));
  EXPECT_THAT(error.message(), HasSubstr("libibverbs1"));
}

}  // namespace
}  // namespace bake::apply
