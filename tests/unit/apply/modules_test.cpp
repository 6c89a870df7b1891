#include <filesystem>
#include <gtest/gtest.h>

#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
#include "tests/support/host_shell.hpp"

namespace bake::apply {
namespace {

namespace fs = std::filesystem;

constexpr const char* built = "4.18.0-193.el8.x86_64";
constexpr const char* boots = "4.18.0-193.28.1.el8_2.x86_64";

/// A guest with modules of two vendors for the release kernel; rpm knows the owner of each.
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
        .with_place("/sbin/ldconfig", "ldconfig")  // the real one would change the cache of this machine
        .with_program("ldconfig", "")
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
  plan.fit.kind = resolve::FitKind::weak_updates;
  plan.fit.kernel = boots;
  plan.fit.built_kernel = built;
  plan.changes = {
      {resolve::PackageChange::Action::install, "kmod-mlnx-ofa_kernel", "5.5-1", "x86_64", "", "x.rpm", 0, ""},
      {resolve::PackageChange::Action::install, "mlnx-ofa_kernel", "5.5-1", "x86_64", "", "y.rpm", 0, ""}};
  SilentProgress progress;
  place_modules(plan, image.guest, progress);
  const auto weak_updates = image.shell.file(std::string("modules/") + boots + "/weak-updates");
  EXPECT_EQ(fs::read_symlink(weak_updates + "/mlnx-ofa_kernel/core/ib_core.ko"),
            image.shell.file(std::string("modules/") + built + "/extra/mlnx-ofa_kernel/core/ib_core.ko"));
  EXPECT_FALSE(fs::exists(weak_updates + "/kmod-kvdo"));
}

/// A guest with the sources of two DKMS packages, and a plan that installs them.
struct DkmsGuest {
  guest::MemoryGuest guest;
  HostShell shell{guest};
  plan::Plan plan;

  explicit DkmsGuest(guest::Family family) {
    plan.family = family;
    plan.fit.kind = resolve::FitKind::needs_build;
    plan.fit.kernel = boots;
    shell.with_place("/usr/src", "src")
        .with_place("/sbin/ldconfig", "ldconfig")  // the real one would change the cache of this machine
        .with_program("ldconfig", "")
        .with_program("depmod", "")
        .with_program("dkms", "[ $1 = status ] || echo \"$@\" >>" + shell.file("built") + "\n");
  }
  void install(const std::string& package) {
    plan.changes.push_back({resolve::PackageChange::Action::install, package, "5.5-1", "noarch", "", "x.rpm", 0, ""});
  }
  /// Sets the files that the package manager lists for `package`.
  [[nodiscard]] std::string sources(const std::string& name) const {
    const auto directory = shell.file("src/" + name + "-5.5");
    fs::create_directories(directory);
    write_text_atomically(directory + "/dkms.conf", "PACKAGE_NAME=" + name + "\nPACKAGE_VERSION=\"5.5\"\n");
    return "echo " + directory + "/dkms.conf";
  }
};

TEST(Modules, DkmsBuildsTheDriverFirst) {
  DkmsGuest image(guest::Family::rpm);
  image.install("knem-dkms");
  image.install("mlnx-ofa_kernel-dkms");
  image.shell.with_program("rpm", "case \"$*\" in\n'-ql knem-dkms') " + image.sources("knem") +
                                      ";;\n'-ql mlnx-ofa_kernel-dkms') " + image.sources("mlnx-ofa_kernel") +
                                      ";;\n*) exit 1;;\nesac\n");
  SilentProgress progress;
  place_modules(image.plan, image.guest, progress);
  EXPECT_EQ(image.shell.content("built"), std::string("install -m mlnx-ofa_kernel -v 5.5 -k ") + boots +
                                              " --force\ninstall -m knem -v 5.5 -k " + boots + " --force\n");
}

// A package's directory of sources may have another name than dkms expects (kernel-mft-dkms of DOCA-OFED for EL).
TEST(Modules, SourcesInAnotherDirectoryAreAddedFirst) {
  DkmsGuest image(guest::Family::rpm);
  image.install("kernel-mft-dkms");
  const auto directory = image.shell.file("src/mft-sources");
  fs::create_directories(directory);
  write_text_atomically(directory + "/dkms.conf", "PACKAGE_NAME=\"kernel-mft-dkms\"\nPACKAGE_VERSION=4.34.1\n");
  image.shell.with_program("rpm", "echo " + directory + "/dkms.conf\n");
  SilentProgress progress;
  place_modules(image.plan, image.guest, progress);
  EXPECT_EQ(image.shell.content("built"),
            "add " + directory + "\ninstall -m kernel-mft-dkms -v 4.34.1 -k " + boots + " --force\n");
}

TEST(Modules, ABuildWithoutSourcesIsAnError) {
  DkmsGuest image(guest::Family::deb);
  image.install("mlnx-ofed-kernel-dkms");
  image.shell.with_program("dpkg-query", "echo /usr/share/doc/mlnx-ofed-kernel-dkms\n");
  SilentProgress progress;
  EXPECT_THROW(place_modules(image.plan, image.guest, progress), Error);
}

TEST(Modules, DkmsSignsNothing) {
  DkmsGuest image(guest::Family::deb);
  image.install("mlnx-ofed-kernel-dkms");
  image.plan.deferred = {"depmod", "kmodsign", "update-secureboot-policy"};
  image.shell.with_place("/usr/sbin /usr/bin /sbin /bin", ".")
      .with_program("dpkg-query", image.sources("mlnx-ofed-kernel"))
      .with_program("kmodsign", "echo signed >>" + image.shell.file("built") + "\n")
      .with_program("update-secureboot-policy", "echo key >>" + image.shell.file("built") + "\n")
      .with_program("dkms", "[ $1 = status ] && exit\n[ -f $sign_file ] || echo $sign_file is missing >>" +
                                image.shell.file("built") + "\nupdate-secureboot-policy --new-key\nkmodsign sha512\n");
  SilentProgress progress;
  place_modules(image.plan, image.guest, progress);
  EXPECT_EQ(image.shell.content("built"), "/nonexistent is missing\n");
  EXPECT_NE(image.shell.content("kmodsign").find("echo signed"), std::string::npos) << "the tool is back";
  EXPECT_FALSE(fs::exists(image.shell.file("kmodsign.bake-aside")));
}

TEST(Modules, AKeyThatTheInstallationMadeIsRemoved) {
  guest::MemoryGuest guest;
  guest.with_file("/var/lib/dkms/mok.key", "-----BEGIN PRIVATE KEY-----\n")
      .with_file("/var/lib/dkms/mok.pub", "certificate")
      .with_file("/var/lib/shim-signed/mok/MOK.priv", "key of the base")
      .with_file("/var/lib/shim-signed/mok/MOK.der", "certificate of the base")
      .with_handler([](const std::string&) { return guest::ShellResult{}; });
  plan::Plan plan;
  plan.fit.kernel = boots;
  plan.expectations.private_keys = {"/var/lib/shim-signed/mok/MOK.priv"};
  SilentProgress progress;
  place_modules(plan, guest, progress);
  EXPECT_FALSE(guest.exists("/var/lib/dkms/mok.key"));
  EXPECT_FALSE(guest.exists("/var/lib/dkms/mok.pub"));
  EXPECT_TRUE(guest.exists("/var/lib/shim-signed/mok/MOK.priv"));
  EXPECT_TRUE(guest.exists("/var/lib/shim-signed/mok/MOK.der"));
}

TEST(Modules, BuiltModulesAreLoadedAndNotCompiled) {
  DkmsGuest image(guest::Family::rpm);
  image.install("mlnx-ofa_kernel-dkms");
  image.plan.built_modules = resolve::UsedModules{"x", "id", 2, {{"mlnx-ofa_kernel/5.5", "m.dkms.tar.gz", "", 0}}};
  image.shell.with_program("rpm", image.sources("mlnx-ofa_kernel") + "\n");
  SilentProgress progress;
  place_modules(image.plan, image.guest, progress);
  EXPECT_EQ(image.shell.content("built"), "ldtarball --force -k " + std::string(boots) +
                                              " --archive /.bake-payload-2/m.dkms.tar.gz\n"
                                              "install -m mlnx-ofa_kernel -v 5.5 -k " +
                                              std::string(boots) + " --force\n");
}

TEST(Modules, DkmsBuildsNoInitramfs) {  // post_transaction of EPEL's package calls dracut
  DkmsGuest image(guest::Family::rpm);
  image.install("mlnx-ofa_kernel-dkms");
  image.plan.deferred = {"dracut", "depmod"};
  image.shell.with_place("/usr/sbin /usr/bin /sbin /bin", ".")
      .with_program("dracut", "touch " + image.shell.file("dracut-ran") + "\n")
      .with_program("dkms", "[ $1 = status ] || dracut --regenerate-all --force\n")
      .with_program("rpm", image.sources("mlnx-ofa_kernel") + "\n");
  SilentProgress progress;
  place_modules(image.plan, image.guest, progress);
  EXPECT_FALSE(fs::exists(image.shell.file("dracut-ran")));
}

}  // namespace
}  // namespace bake::apply
