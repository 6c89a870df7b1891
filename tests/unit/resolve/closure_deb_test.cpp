#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/closure_fixture.hpp"

namespace bake::resolve {
namespace {

using namespace bake::testing;

using ::testing::ElementsAre;

/// A stanza of the status file.
std::string installed(const std::string& name, const std::string& version, const std::string& more = "",
                      const std::string& status = "install ok installed", const std::string& arch = "amd64") {
  return "Package: " + name + "\nStatus: " + status + "\nPriority: optional\nArchitecture: " + arch +
         "\nVersion: " + version + "\n" + more + "Description: something\n about Depends: nothing\n\n";
}

/// A stanza of a Packages file.
std::string indexed(const std::string& name, const std::string& version, const std::string& more = "",
                    const std::string& arch = "amd64") {
  return "Package: " + name + "\nArchitecture: " + arch + "\nVersion: " + version + "\n" + more + "Filename: ./" +
         name + "_" + version + "_" + arch + ".deb\nSize: 1\n\n";
}

std::vector<std::string> changes(const std::string& status, const std::string& index,
                                 const std::vector<std::string>& wanted, const std::string& extras = "") {
  return lines_of(ask_deb(status, index, wanted, extras));
}

TEST(ClosureDeb, ReadsAlternativesVirtualPackagesAndPreDepends) {
  const auto status = installed("kmod", "27-1ubuntu2", "Provides: module-init-tools\n") +
                      installed("mawk", "1.3-1", "Provides: awk\n") +
                      installed("python3", "3.8.2", "Multi-Arch: allowed\n");
  const auto index =
      indexed("mlnx-ofed-kernel-utils", "5.5-OFED.5.5.1.0.3.1",
              "Pre-Depends: kmod (>= 20), libnl-3-200\nDepends: nothing-here | kmod, awk, python3:any (>= 3.6)\n") +
      indexed("libnl-3-200", "3.4.0-1");
  EXPECT_THAT(changes(status, index, {"mlnx-ofed-kernel-utils"}),
              ElementsAre("install libnl-3-200.amd64 3.4.0-1 0:DEBS/libnl-3-200_3.4.0-1_amd64.deb (required by "
                          "mlnx-ofed-kernel-utils)",
                          "install mlnx-ofed-kernel-utils.amd64 5.5-OFED.5.5.1.0.3.1 "
                          "0:DEBS/mlnx-ofed-kernel-utils_5.5-OFED.5.5.1.0.3.1_amd64.deb (wanted)"));
}

TEST(ClosureDeb, NamesMissingPackages) {
  const auto index =
      indexed("mlnx-tools", "5.2",
              "Depends: tcl (>= 8.6), python3:any, nothing | other, libnl-3-200 (= 3.4.0-1), mlnx-fw-updater\n") +
      indexed("ofed-scripts", "5.5", "Depends: tcl\n");
  const auto closure = ask_deb(installed("bash", "5.0"), index, {"mlnx-tools", "ofed-scripts"});
  EXPECT_THAT(closure.missing, ElementsAre(MissingPackage{"libnl-3-200", "=", "3.4.0-1", "mlnx-tools 5.2"},
                                           MissingPackage{"nothing", "", "", "mlnx-tools 5.2"},
                                           MissingPackage{"python3", "", "", "mlnx-tools 5.2"},
                                           MissingPackage{"tcl", "", "", "ofed-scripts 5.5"},
                                           MissingPackage{"tcl", ">=", "8.6", "mlnx-tools 5.2"}));
  EXPECT_EQ(closure.problems.size(), 6U);  // also mlnx-fw-updater, which bake never installs
}

TEST(ClosureDeb, WithoutABundleAnUnknownPackageIsMissing) {
  guest::Facts facts;
  facts.family = guest::Family::deb;
  facts.arch = "x86_64";
  facts.packages.dump = installed("bash", "5.0");
  const auto closure = solve(facts, {}, {"bash", "rdma-core"}, {});
  EXPECT_THAT(closure.missing, ElementsAre(MissingPackage{"rdma-core", "", "", ""}));
  EXPECT_THAT(closure.problems, ElementsAre(Problem{"rdma-core",
                                                    "neither the image nor the extra packages have it",
                                                    "add the package to the store's extra packages",
                                                    {{Remedy::Action::add_extras}}}));
}

TEST(ClosureDeb, BreaksAndReplacesUpgradeOrRemoveInboxPackages) {
  const auto status = installed("infiniband-diags", "1.6.7-1", "Depends: libibmad5\n") +
                      installed("libibmad5", "1.3-1") + installed("libmlx5-1", "17.1-1ubuntu0.2") +
                      installed("rdma-core", "17.1-1ubuntu0.2");
  const auto index =
      indexed("rdma-core", "50mlnx1-1.49710",
              "Breaks: infiniband-diags (<< 2.0.0)\nReplaces: infiniband-diags (<< 2.0.0)\n") +
      indexed("infiniband-diags", "50mlnx1-1.49710", "Depends: libibmad5\n") +
      indexed("ibverbs-providers", "50mlnx1-1.49710", "Provides: libmlx5-1\nBreaks: libmlx5-1\nReplaces: libmlx5-1\n");
  EXPECT_THAT(changes(status, index, {"rdma-core", "ibverbs-providers"}),
              ElementsAre("install ibverbs-providers.amd64 50mlnx1-1.49710 "
                          "0:DEBS/ibverbs-providers_50mlnx1-1.49710_amd64.deb (wanted)",
                          "upgrade infiniband-diags.amd64 1.6.7-1 -> 50mlnx1-1.49710 "
                          "0:DEBS/infiniband-diags_50mlnx1-1.49710_amd64.deb (installed, and changed to the version of "
                          "the vendor's packages)",
                          "upgrade rdma-core.amd64 17.1-1ubuntu0.2 -> 50mlnx1-1.49710 "
                          "0:DEBS/rdma-core_50mlnx1-1.49710_amd64.deb (wanted)",
                          "remove libmlx5-1.amd64 17.1-1ubuntu0.2 (conflicts with ibverbs-providers)"));
}

TEST(ClosureDeb, NamesThreeMissingPackagesAndTheirRequirers) {
  const auto status = installed("libc6", "2.23-0ubuntu3");
  const auto index = indexed("srp-dkms", "4.9-OFED.4.9.7.1.0.1", "Depends: dkms, make\n", "all") +
                     indexed("libibverbs1", "50mlnx1-1.49710", "Depends: libc6 (>= 2.27), libnl-3-200 (>= 3.2.7)\n") +
                     indexed("librdmacm1", "50mlnx1-1.49710", "Depends: libibverbs1, libnl-3-200 (>= 3.2.7)\n");
  EXPECT_THAT(
      changes(status, index, {"srp-dkms", "librdmacm1"}, indexed("make", "4.2-1")),
      ElementsAre("! libibverbs1: nothing provides libc6 >= 2.27, needed by libibverbs1 50mlnx1-1.49710 (the image has "
                  "libc6 2.23-0ubuntu3)",
                  "! libibverbs1: nothing provides libnl-3-200 >= 3.2.7, needed by libibverbs1 50mlnx1-1.49710",
                  "! librdmacm1: nothing provides libnl-3-200 >= 3.2.7, needed by librdmacm1 50mlnx1-1.49710",
                  "! srp-dkms: nothing provides dkms, needed by srp-dkms 4.9-OFED.4.9.7.1.0.1"));
}

TEST(ClosureDeb, VersionsWithEpochAndTildeCompareAsDpkgDoes) {
  const auto status = installed("lsof", "1:4.91-1~bpo1");
  const auto index =
      indexed("a", "1", "Depends: lsof (>= 1:4.91-1~)\n") + indexed("b", "1", "Depends: lsof (>= 1:4.91-1)\n");
  EXPECT_THAT(changes(status, index, {"a"}), ElementsAre("install a.amd64 1 0:DEBS/a_1_amd64.deb (wanted)"));
  EXPECT_THAT(changes(status, index, {"b"}),
              ElementsAre("! b: nothing provides lsof >= 1:4.91-1, needed by b 1 (the image has lsof 1:4.91-1~bpo1)"));
}

TEST(ClosureDeb, ConfigFilesAndHeldPackages) {
  const auto status = installed("dkms", "2.8", "", "deinstall ok config-files") +
                      installed("make", "4.2", "", "hold ok installed") +
                      installed("man-db", "2.9", "", "install ok triggers-pending");
  const auto index = indexed("iser-dkms", "5.5", "Depends: dkms, make, man-db\n", "all");
  EXPECT_THAT(changes(status, index, {"iser-dkms"}),
              ElementsAre("! iser-dkms: nothing provides dkms, needed by iser-dkms 5.5"));
}

TEST(ClosureDeb, RefusesAHalfInstalledPackage) {
  const auto status = installed("linux-image-5.4.0-26-generic", "5.4", "", "install ok half-configured") +
                      installed("make", "4.2", "", "install reinstreq half-installed") + installed("bash", "5.0");
  EXPECT_THAT(
      changes(status, indexed("ofed-scripts", "5.5"), {"ofed-scripts"}),
      ElementsAre("! linux-image-5.4.0-26-generic: its installation is not complete ('install ok half-configured')",
                  "! make: its installation is not complete ('install reinstreq half-installed')"));
}

TEST(ClosureDeb, NeverRemovesWhatIsEssential) {
  const auto status = installed("mini-init", "1", "Essential: yes\n") + installed("gadget", "1");
  const auto index = indexed("a", "1", "Conflicts: mini-init\n") + indexed("b", "1", "Conflicts: gadget\n");
  EXPECT_THAT(changes(status, index, {"a"}),
              ElementsAre("! a: package a-1.amd64 conflicts with mini-init provided by mini-init-1.amd64"));
  EXPECT_THAT(changes(status, index, {"b"}), ElementsAre("install b.amd64 1 0:DEBS/b_1_amd64.deb (wanted)",
                                                         "remove gadget.amd64 1 (conflicts with b)"));
}

TEST(ClosureDeb, RefusesToSplitAMultiArchPair) {
  const auto status = installed("libibverbs1", "28.0-1ubuntu1", "Multi-Arch: same\n") +
                      installed("libibverbs1", "28.0-1ubuntu1", "Multi-Arch: same\n", "install ok installed", "i386") +
                      installed("libc6", "2.31", "", "install ok installed", "i386");
  EXPECT_THAT(changes(status, indexed("libibverbs1", "55mlnx37-1.55103", "Multi-Arch: same\n"), {"libibverbs1"}),
              ElementsAre("! libibverbs1: is installed for i386 too, and dpkg accepts both only in one version"));
  // A library of another architecture satisfies nothing here.
  EXPECT_THAT(changes(status, indexed("ibacm", "55", "Depends: libc6\n"), {"ibacm"}),
              ElementsAre("! ibacm: nothing provides libc6, needed by ibacm 55"));
}

TEST(ClosureDeb, PartsOfTheDistributionsStackThatTheVendorLacksGiveWay) {
  const auto legacy = indexed("libibverbs1", "41mlnx1") + indexed("libmlx5-1", "41mlnx1", "Depends: libibverbs1\n");
  const auto status = installed("libibverbs1", "28.0-1ubuntu1") +
                      installed("ibverbs-providers", "28.0-1ubuntu1", "Depends: libibverbs1 (>= 25)\n") +
                      installed("libibumad3", "28.0-1ubuntu1") + installed("libibmad5", "28.0-1ubuntu1") +
                      installed("fabric-tool", "1", "Depends: libibmad5\n");
  EXPECT_THAT(changes(status, legacy, {"libibverbs1", "libmlx5-1"}),
              ElementsAre("install libmlx5-1.amd64 41mlnx1 0:DEBS/libmlx5-1_41mlnx1_amd64.deb (wanted)",
                          "upgrade libibverbs1.amd64 28.0-1ubuntu1 -> 41mlnx1 0:DEBS/libibverbs1_41mlnx1_amd64.deb "
                          "(wanted)",
                          "remove ibverbs-providers.amd64 28.0-1ubuntu1 (part of the distribution's RDMA stack, which "
                          "the vendor's stack replaces)",
                          "remove libibumad3.amd64 28.0-1ubuntu1 (part of the distribution's RDMA stack, which the "
                          "vendor's stack replaces)"));
  // The drivers of another verbs library cannot stay for anybody's sake.
  EXPECT_THAT(changes(status + installed("mpi", "1", "Depends: ibverbs-providers\n"), legacy, {"libibverbs1"}),
              ElementsAre("! mpi: package mpi-1.amd64 requires ibverbs-providers, but none of the providers "
                          "can be installed"));
  // A stack cut as the distribution's replaces it part by part.
  EXPECT_THAT(
      changes(status, indexed("libibverbs1", "55") + indexed("ibverbs-providers", "55") + indexed("libibumad3", "55"),
              {"libibverbs1"}),
      ElementsAre("upgrade ibverbs-providers.amd64 28.0-1ubuntu1 -> 55 0:DEBS/ibverbs-providers_55_amd64.deb "
                  "(installed, and changed to the version of the vendor's packages)",
                  "upgrade libibumad3.amd64 28.0-1ubuntu1 -> 55 0:DEBS/libibumad3_55_amd64.deb (installed, and changed "
                  "to the version of the vendor's packages)",
                  "upgrade libibverbs1.amd64 28.0-1ubuntu1 -> 55 0:DEBS/libibverbs1_55_amd64.deb (wanted)"));
}

TEST(ClosureDeb, IgnoresRecommendsAndForeignArchitectures) {
  const auto index = indexed("mlnx-ofed-kernel-dkms", "5.5", "Recommends: linux-headers-generic\n", "all") +
                     indexed("linux-headers-generic", "5.4") + indexed("arm-only", "1", "", "arm64");
  EXPECT_THAT(changes(installed("bash", "5"), index, {"mlnx-ofed-kernel-dkms"}),
              ElementsAre("install mlnx-ofed-kernel-dkms.all 5.5 0:DEBS/mlnx-ofed-kernel-dkms_5.5_all.deb (wanted)"));
  EXPECT_THAT(changes(installed("bash", "5"), index, {"arm-only"}),
              ElementsAre("! arm-only: neither the bundle nor the extra packages have it"));
}

}  // namespace
}  // namespace bake::resolve
