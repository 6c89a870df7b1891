#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/closure_fixture.hpp"

namespace bake::resolve {
namespace {

using namespace bake::testing;

using ::testing::ElementsAre;

const TestPackage glibc{"glibc", "2.17-317.el7", "x86_64", {}, {"libc.so.6()(64bit)"}};
const TestPackage bash{"bash", "4.2.46-34.el7", "x86_64", {"libc.so.6()(64bit)"}, {}, {}, {}, {"/bin/sh", "/bin/bash"}};

std::vector<std::string> changes(const Question& question, const std::vector<std::string>& wanted) {
  return lines_of(ask(question, wanted));
}

TEST(ClosureRpm, InstallsWhatIsWantedAndWhatThatNeeds) {
  Question question;
  question.dump = rpm_dump({glibc, bash});
  question.bundle = {
      {"libibverbs", "55mlnx37-1.55103", "x86_64", {"libc.so.6()(64bit)", "rdma-core = 55mlnx37-1.55103"}},
      {"rdma-core", "55mlnx37-1.55103", "x86_64", {"/bin/sh", "rpmlib(PayloadIsXz) <= 5.2-1"}},
      {"perftest", "4.5-0.11", "x86_64", {"libibverbs"}}};
  EXPECT_THAT(changes(question, {"libibverbs"}),
              ElementsAre("install libibverbs.x86_64 55mlnx37-1.55103 0:RPMS/libibverbs.rpm (wanted)",
                          "install rdma-core.x86_64 55mlnx37-1.55103 0:RPMS/rdma-core.rpm (required by libibverbs)"));
}

TEST(ClosureRpm, FindsTheDirectoryOfAPackageInItsFileList) {
  Question question;
  question.dump = rpm_dump({glibc});
  question.bundle = {
      {"clusterkit", "1-1", "x86_64", {}, {}, {}, {}, {"/opt/mellanox/a", "/opt/mellanox/b", "/etc/ld.so.conf.d/c"}},
      {"perftest", "1-1", "x86_64", {}, {}, {}, {}, {"/usr/bin/ib_send_bw", "/opt/x"}},
      {"sharp", "1-1"}};
  std::map<std::string, std::string> directories;
  for (const auto& change : ask(question, {"clusterkit", "perftest", "sharp"}).changes)
    directories[change.name] = change.directory;
  EXPECT_EQ(directories,
            (std::map<std::string, std::string>{{"clusterkit", "/opt"}, {"perftest", "/usr"}, {"sharp", "/opt"}}));
}

TEST(ClosureRpm, DoesNothingWhenAllIsThere) {
  Question question;
  question.bundle = {{"ofed-scripts", "5.5-OFED.5.5.1.0.3"}};
  question.dump = rpm_dump({glibc, question.bundle[0]});
  EXPECT_EQ(changes(question, {"ofed-scripts"}), std::vector<std::string>{});
}

TEST(ClosureRpm, KnowsThatUsrAndRootHoldTheSamePrograms) {
  Question question;
  // EL7's chkconfig calls its program /sbin/chkconfig, its kmod /usr/sbin/depmod; others name either.
  question.dump = rpm_dump({{"chkconfig", "1.7.6-1.el7", "x86_64", {}, {}, {}, {}, {"/sbin/chkconfig"}},
                            {"kmod", "20-28.el7", "x86_64", {}, {}, {}, {}, {"/usr/sbin/depmod"}}});
  question.bundle = {{"opensm", "5.10-1", "x86_64", {"/usr/sbin/chkconfig", "/sbin/chkconfig", "/sbin/depmod"}}};
  EXPECT_THAT(changes(question, {"opensm"}), ElementsAre("install opensm.x86_64 5.10-1 0:RPMS/opensm.rpm (wanted)"));
}

TEST(ClosureRpm, TakesThePackageOfTheImagesArchitecture) {
  Question question;
  question.dump = rpm_dump({glibc});
  question.bundle = {{"libibverbs", "41mlnx1-1", "i686", {}},
                     {"libibverbs", "41mlnx1-1", "x86_64", {"libc.so.6()(64bit)"}}};
  EXPECT_THAT(changes(question, {"libibverbs=41mlnx1-1"}),
              ElementsAre("install libibverbs.x86_64 41mlnx1-1 0:RPMS/libibverbs.rpm (wanted)"));
}

TEST(ClosureRpm, NamesAllThatIsMissingAndWhoNeedsIt) {
  Question question;
  question.dump = rpm_dump({glibc, {"tcl", "1:8.5.13-8.el7"}});
  question.bundle = {
      {"infiniband-diags", "55-1", "x86_64", {"perl(IBswcountlimits)", "opensm-libs"}},
      {"opensm-libs", "5.10-1", "x86_64", {"libnl-3.so.200()(64bit)", "tcl >= 1:8.6", "/usr/bin/python2"}},
      {"mlnx-ofa_kernel", "5.5-1", "x86_64", {"lsof", "libc.so.6()(64bit)"}}};
  EXPECT_THAT(changes(question, {"infiniband-diags", "mlnx-ofa_kernel"}),
              ElementsAre("! infiniband-diags: nothing provides perl(IBswcountlimits), needed by infiniband-diags 55-1",
                          "! mlnx-ofa_kernel: nothing provides lsof, needed by mlnx-ofa_kernel 5.5-1",
                          "! opensm-libs: nothing provides /usr/bin/python2, needed by opensm-libs 5.10-1",
                          "! opensm-libs: nothing provides libnl-3.so.200()(64bit), needed by opensm-libs 5.10-1",
                          "! opensm-libs: nothing provides tcl >= 1:8.6, needed by opensm-libs 5.10-1 (the image has "
                          "tcl 1:8.5.13-8.el7)"));
}

TEST(ClosureRpm, TakesExtraPackagesOnlyWhereTheBundleAndTheImageLackSomething) {
  Question question;
  question.dump = rpm_dump({glibc, {"tcl", "8.5-1"}});
  question.bundle = {{"opensm", "5.10-1", "x86_64", {"tcl", "lsof", "libnl3"}}, {"libnl3", "3.2-1"}};
  question.extras = {{"tcl", "8.6-1"}, {"lsof", "4.87-6"}, {"libnl3", "3.9-1"}};
  EXPECT_THAT(changes(question, {"opensm"}),
              ElementsAre("install libnl3.x86_64 3.2-1 0:RPMS/libnl3.rpm (required by opensm)",
                          "install lsof.x86_64 4.87-6 1:extra/lsof.rpm (required by opensm)",
                          "install opensm.x86_64 5.10-1 0:RPMS/opensm.rpm (wanted)"));
}

TEST(ClosureRpm, ObsoletesInboxPackagesOfTheLegacyStack) {
  // The mlnx-libs generation: mlnx-ofa_kernel takes the place of rdma and rdma-core.
  Question question;
  question.dump = rpm_dump({glibc,
                            {"rdma-core", "17.2-3.el7", "x86_64"},
                            {"libibverbs", "17.2-3.el7", "x86_64", {"rdma-core(x86-64) = 17.2-3.el7"}},
                            {"iwpmd", "17.2-3.el7", "x86_64", {"rdma-core = 17.2-3.el7"}},
                            {"libibumad", "17.2-3.el7", "x86_64"}});
  question.bundle = {{"mlnx-ofa_kernel",
                      "4.9-OFED.4.9.4.1.7.1.rhel7u6",
                      "x86_64",
                      {},
                      {"rdma-core = 41mlnx1-1"},
                      {"rdma", "rdma-core < 41mlnx1-1", "compat-rdma"}},
                     {"libibverbs", "41mlnx1-OFED.4.9.3.0.0.49417"},
                     {"libibumad", "43.1.1-0.1.49417"}};
  EXPECT_THAT(changes(question, {"mlnx-ofa_kernel", "libibverbs"}),
              ElementsAre("install mlnx-ofa_kernel.x86_64 4.9-OFED.4.9.4.1.7.1.rhel7u6 0:RPMS/mlnx-ofa_kernel.rpm "
                          "(wanted)",
                          "upgrade libibumad.x86_64 17.2-3.el7 -> 43.1.1-0.1.49417 0:RPMS/libibumad.rpm (installed, "
                          "and changed to the version of the vendor's packages)",
                          "upgrade libibverbs.x86_64 17.2-3.el7 -> 41mlnx1-OFED.4.9.3.0.0.49417 0:RPMS/libibverbs.rpm "
                          "(wanted)",
                          "remove iwpmd.x86_64 17.2-3.el7 (needs rdma-core = 17.2-3.el7, which is removed)",
                          "remove rdma-core.x86_64 17.2-3.el7 (obsoleted by mlnx-ofa_kernel)"));
}

TEST(ClosureRpm, ReplacesANewerInboxVersionByTheVendors) {
  Question question;
  question.dump = rpm_dump(
      {{"libibverbs", "2400-1.el8"}, {"libibverbs-utils", "2400-1.el8", "x86_64", {"libibverbs = 2400-1.el8"}}});
  question.bundle = {{"libibverbs", "55mlnx37-1"},
                     {"libibverbs-utils", "55mlnx37-1", "x86_64", {"libibverbs = 55mlnx37-1"}}};
  EXPECT_THAT(
      changes(question, {"libibverbs"}),
      ElementsAre("upgrade libibverbs.x86_64 2400-1.el8 -> 55mlnx37-1 0:RPMS/libibverbs.rpm (wanted; the "
                  "vendor's version replaces the newer 2400-1.el8)",
                  "upgrade libibverbs-utils.x86_64 2400-1.el8 -> 55mlnx37-1 0:RPMS/libibverbs-utils.rpm "
                  "(installed, and changed to the version of the vendor's packages; the vendor's version replaces the "
                  "newer 2400-1.el8)"));
}

TEST(ClosureRpm, ExtraPackagesNeverDowngrade) {
  Question question;
  question.dump = rpm_dump({{"libnl3", "3.5-1"}});
  question.bundle = {{"rdma-core", "55-1", "x86_64", {"libnl3 = 3.2-1"}}};
  question.extras = {{"libnl3", "3.2-1"}};
  EXPECT_THAT(
      changes(question, {"rdma-core"}),
      ElementsAre("! rdma-core: nothing provides libnl3 = 3.2-1, needed by rdma-core 55-1 (the image has libnl3 "
                  "3.5-1)"));
}

TEST(ClosureRpm, RefusesToRemoveWhatBelongsToTheUser) {
  Question question;
  question.dump = rpm_dump({{"libmlx4", "17.2-3.el7", "x86_64", {}, {"libmlx4.so()(64bit)"}},
                            {"solver-app", "1.0-1", "x86_64", {"libmlx4.so()(64bit)"}}});
  question.bundle = {{"libibverbs", "55mlnx37-1", "x86_64", {}, {}, {"libmlx4"}}};
  const auto closure = ask(question, {"libibverbs"});
  EXPECT_TRUE(closure.changes.empty());
  ASSERT_EQ(closure.problems.size(), 1U);
  EXPECT_EQ(closure.problems[0].where, "solver-app");
  EXPECT_EQ(closure.problems[0].message,
            "package solver-app-1.0-1.x86_64 requires libmlx4.so()(64bit), but none of the providers can be installed; "
            "package libibverbs-55mlnx37-1.x86_64 obsoletes libmlx4 provided by libmlx4-17.2-3.el7.x86_64");
}

TEST(ClosureRpm, RefusesToRemoveWhatTheImageNeeds) {
  Question question;
  question.dump = rpm_dump({{"WALinuxAgent", "2.2.46-1", "noarch"}, {"openssh-server", "7.4p1-21.el7"}});
  question.bundle = {{"mlnx-tools", "5.2-1", "x86_64", {}, {}, {"WALinuxAgent", "openssh-server"}}};
  EXPECT_THAT(changes(question, {"mlnx-tools"}),
              ElementsAre("! WALinuxAgent: would be removed (obsoleted by mlnx-tools), but the image needs it",
                          "! openssh-server: would be removed (obsoleted by mlnx-tools), but the image needs it"));
}

TEST(ClosureRpm, RemovesWhatABundlePackageConflictsWith) {
  Question question;
  question.dump = rpm_dump({{"openvswitch-dev", "2.0-1"}, {"systemd", "219-78"}});
  question.bundle = {{"openvswitch", "2.12-1", "x86_64", {}, {}, {}, {"openvswitch-dev"}},
                     {"hostile", "1-1", "x86_64", {}, {}, {}, {"systemd"}}};
  EXPECT_THAT(changes(question, {"openvswitch"}),
              ElementsAre("install openvswitch.x86_64 2.12-1 0:RPMS/openvswitch.rpm (wanted)",
                          "remove openvswitch-dev.x86_64 2.0-1 (conflicts with openvswitch)"));
  const auto refused = ask(question, {"hostile"});
  ASSERT_EQ(refused.problems.size(), 1U);
  EXPECT_EQ(refused.problems[0].message,
            "package hostile-1-1.x86_64 conflicts with systemd provided by systemd-219-78.x86_64");
}

TEST(ClosureRpm, KeepsKernelsBesideEachOtherAndBringsNoOther) {
  Question question;
  question.dump = rpm_dump(
      {{"kernel", "3.10.0-957.el7"}, {"kernel", "3.10.0-1062.el7"}, {"gpg-pubkey", "f4a80eb5-53a7ff4b", "(none)"}});
  question.bundle = {{"kmod-mlnx-ofa_kernel", "5.5-1"}, {"needs-new", "1-1", "x86_64", {"kernel >= 4"}}};
  question.extras = {{"kernel", "4.18.0-193.el8"}};
  EXPECT_THAT(changes(question, {"kmod-mlnx-ofa_kernel"}),
              ElementsAre("install kmod-mlnx-ofa_kernel.x86_64 5.5-1 0:RPMS/kmod-mlnx-ofa_kernel.rpm (wanted)"));
  EXPECT_THAT(changes(question, {"needs-new"}),
              ElementsAre("! kernel: would install another kernel, 4.18.0-193.el8 (required by needs-new)"));
}

TEST(ClosureRpm, InstallsAnotherKernelNextToTheInstalledOnes) {
  Question question;
  question.dump = rpm_dump({{"kernel-core", "5.14.0-427.13.1.el9_4"},
                            {"linux-firmware", "20240101-1.el9"},
                            {"rdma-core", "48.0-1.el9"},
                            {"gpg-pubkey", "f4a80eb5-53a7ff4b", "(none)"}});
  question.extras = {{"kernel-core", "5.14.0-427.42.1.el9_4", "x86_64", {"linux-firmware >= 20240905"}},
                     {"linux-firmware", "20240905-1.el9"},
                     {"rdma-core", "51.0-1.el9"}};
  EXPECT_THAT(lines_of(ask_kernel(question, {"kernel-core=5.14.0-427.42.1.el9_4"})),
              ElementsAre("install kernel-core.x86_64 5.14.0-427.42.1.el9_4 1:extra/kernel-core.rpm (wanted)",
                          "upgrade linux-firmware.x86_64 20240101-1.el9 -> 20240905-1.el9 1:extra/linux-firmware.rpm "
                          "(required by kernel-core)"));
}

TEST(ClosureRpm, KeepsPackagesOfTwoArchitecturesInStep) {
  // rpm lets both in only while the files they share are the same, which another version's never are.
  Question question;
  question.dump = rpm_dump(
      {glibc, {"glibc", "2.17-317.el7", "i686"}, {"libibverbs", "17.2-3.el7", "i686"}, {"libibverbs", "17.2-3.el7"}});
  question.bundle = {{"libibverbs", "55mlnx37-1", "x86_64", {"libc.so.6()(64bit)"}}};
  EXPECT_THAT(changes(question, {"libibverbs"}),
              ElementsAre("upgrade libibverbs.x86_64 17.2-3.el7 -> 55mlnx37-1 0:RPMS/libibverbs.rpm (wanted)",
                          "remove libibverbs.i686 17.2-3.el7 (cannot be installed with another version of "
                          "libibverbs.x86_64)"));
  question.bundle = {{"tool", "1-1", "x86_64", {"glibc >= 2.28"}}};
  question.extras = {{"glibc", "2.28-1"}};
  EXPECT_THAT(changes(question, {"tool"}),
              ElementsAre("! tool: package tool-1-1.x86_64 requires glibc >= 2.28, but none of the providers can be "
                          "installed; cannot install both glibc-2.28-1.x86_64 and glibc-2.17-317.el7.x86_64 "
                          "(glibc.i686 2.17-317.el7 is installed and must have the same version)"));
}

TEST(ClosureRpm, FollowsRichDependencies) {
  Question question;
  question.bundle = {{"mlnx-tools", "5.2-1", "noarch", {"(mlnx-selinux if selinux-policy)", "(python2 or python3)"}},
                     {"mlnx-selinux", "1-1", "noarch"}};
  question.dump = rpm_dump({{"python3", "3.6-1"}});
  EXPECT_THAT(changes(question, {"mlnx-tools"}),
              ElementsAre("install mlnx-tools.noarch 5.2-1 0:RPMS/mlnx-tools.rpm (wanted)"));
  question.dump = rpm_dump({{"python2", "2.7-1"}, {"selinux-policy", "3.14-1", "noarch"}});
  EXPECT_THAT(changes(question, {"mlnx-tools"}),
              ElementsAre("install mlnx-selinux.noarch 1-1 0:RPMS/mlnx-selinux.rpm (required by mlnx-tools)",
                          "install mlnx-tools.noarch 5.2-1 0:RPMS/mlnx-tools.rpm (wanted)"));
}

TEST(ClosureRpm, TakesTheVersionThatIsAskedFor) {
  Question question;
  question.dump = rpm_dump({glibc});
  question.bundle = {{"mlnx-ofa_kernel-modules", "5.5-1.kver.4.18.0_147.el8"},
                     {"mlnx-ofa_kernel-modules", "5.5-1.kver.4.18.0_193.el8"}};
  EXPECT_THAT(changes(question, {"mlnx-ofa_kernel-modules=5.5-1.kver.4.18.0_147.el8"}),
              ElementsAre("install mlnx-ofa_kernel-modules.x86_64 5.5-1.kver.4.18.0_147.el8 "
                          "0:RPMS/mlnx-ofa_kernel-modules.rpm (wanted)"));
}

TEST(ClosureRpm, NeverTakesFirmwareUpdatersOrWhatIsNotThere) {
  Question question;
  question.dump = rpm_dump({glibc});
  question.bundle = {{"mlnx-ofed-all", "5.5-1", "noarch", {"mlnx-fw-updater", "ofed-scripts"}},
                     {"mlnx-fw-updater", "5.5-1"},
                     {"ofed-scripts", "5.5-1"}};
  EXPECT_THAT(changes(question, {"mlnx-ofed-all", "mlnx-fw-updater", "ofed-script"}),
              ElementsAre("! mlnx-fw-updater: bake never installs this package",
                          "! mlnx-ofed-all: nothing provides mlnx-fw-updater, needed by mlnx-ofed-all 5.5-1",
                          "! ofed-script: neither the bundle nor the extra packages have it"));
  EXPECT_EQ(ask(question, {"ofed-script"}).problems.at(0).hint, "did you mean 'ofed-scripts'?");
}

TEST(ClosureRpm, IgnoresWhatTheIndexListsButTheBundleLacks) {
  const std::vector<TestPackage> indexed{{"ofed-scripts", "5.5-1"}, {"mlnx-tools", "5.2-1"}};
  const auto repository = repository_of({indexed[0]}, "RPMS");
  guest::Facts facts;
  facts.arch = "x86_64";
  facts.packages.dump = rpm_dump({glibc});
  const auto closure = solve(facts, {{0, &repository, bundle::PackageFormat::rpm, primary_xml(indexed), ""}},
                             {"ofed-scripts", "mlnx-tools"}, {});
  EXPECT_THAT(lines_of(closure), ElementsAre("! mlnx-tools: neither the bundle nor the extra packages have it"));
}

TEST(ClosureRpm, FindsFilesOfTheFileLists) {
  const std::vector<TestPackage> listed{{"tools", "1-1", "x86_64", {}, {}, {}, {}, {"/opt/mellanox/share/tool"}}};
  const std::vector<TestPackage> indexed{{"tools", "1-1"}, {"user", "1-1", "x86_64", {"/opt/mellanox/share/tool"}}};
  const auto repository = repository_of(indexed, "RPMS");
  guest::Facts facts;
  facts.arch = "x86_64";
  facts.packages.dump = rpm_dump({glibc});
  const auto closure = solve(
      facts, {{0, &repository, bundle::PackageFormat::rpm, primary_xml(indexed), filelists_xml(listed)}}, {"user"}, {});
  EXPECT_THAT(lines_of(closure), ElementsAre("install tools.x86_64 1-1 0:RPMS/tools.rpm (required by user)",
                                             "install user.x86_64 1-1 0:RPMS/user.rpm (wanted)"));
}

TEST(ClosureRpm, FilesOfTheImageSatisfyDependenciesOnEitherNameOfBin) {
  Question question;
  question.dump = rpm_dump({{"perl", "5.16-1", "x86_64", {}, {}, {}, {}, {"/usr/bin/perl", "/usr/share/perl/x"}}});
  question.bundle = {{"a", "1-1", "noarch", {"/bin/perl", "/usr/bin/perl"}}, {"b", "1-1", "noarch", {"/share/perl/x"}}};
  EXPECT_THAT(changes(question, {"a"}), ElementsAre("install a.noarch 1-1 0:RPMS/a.rpm (wanted)"));
  EXPECT_THAT(changes(question, {"b"}), ElementsAre("! b: nothing provides /share/perl/x, needed by b 1-1"));
}

TEST(ClosureRpm, NamesMissingPackagesAndConflictsAtOnce) {
  Question question;
  question.dump = rpm_dump({{"systemd", "219-78"}});
  question.bundle = {{"a", "1-1", "x86_64", {}, {}, {}, {"systemd"}},
                     {"b", "1-1", "x86_64", {"gone"}},
                     {"c", "1-1", "x86_64", {}, {}, {}, {"d"}},
                     {"d", "1-1"}};
  EXPECT_THAT(changes(question, {"a", "b", "c", "d"}),
              ElementsAre("! a: package a-1-1.x86_64 conflicts with systemd provided by systemd-219-78.x86_64",
                          "! b: nothing provides gone, needed by b 1-1",
                          "! c: package c-1-1.x86_64 conflicts with d provided by d-1-1.x86_64"));
}

TEST(ClosureRpm, RefusesAnIndexThatIsNoIndex) {
  const auto repository = repository_of({glibc}, "RPMS");
  guest::Facts facts;
  facts.arch = "x86_64";
  facts.packages.dump = rpm_dump({glibc});
  const auto closure = solve(facts, {{0, &repository, bundle::PackageFormat::rpm, "<metadata><package", ""}}, {}, {});
  ASSERT_EQ(closure.problems.size(), 1U);
  EXPECT_EQ(closure.problems[0].where, "bundle");
  EXPECT_THAT(closure.problems[0].message, ::testing::StartsWith("its index cannot be read: "));
}

TEST(ClosureRpm, RefusesADumpThatIsCutShortOrMalformed) {
  Question question;
  question.bundle = {{"ofed-scripts", "5.5-1"}};
  const auto whole = rpm_dump({glibc, bash});
  for (const auto& [dump, message] : std::vector<std::pair<std::string, std::string>>{
           {"", "the list of installed packages is truncated"},
           {whole.substr(0, whole.size() - 2), "the list of installed packages is truncated"},
           {"v libc\t0\t\nE\n", "line 1 of the rpm dump has an unknown format"},
           {"P a\t0\t1\t1\tnoarch\nr b\tmany\t\nE\n", "line 2 of the rpm dump has an unknown format"},
           {"P a\t0\t1\t1\tnoarch\nf relative\nE\n", "line 2 of the rpm dump has an unknown format"},
           {"P a\t0\t1\t1\nE\n", "line 1 of the rpm dump has an unknown format"},
           {"P a\tx\t1\t1\tnoarch\nE\n", "line 1 of the rpm dump has an unknown format"},
           {"rpm: cannot open Packages\n", "line 1 of the rpm dump has an unknown format"}}) {
    question.dump = dump;
    EXPECT_THAT(changes(question, {"ofed-scripts"}), ElementsAre("! package database: " + message)) << dump;
  }
}

TEST(ClosureRpm, ToleratesWhatRealDatabasesHold) {
  // "(none)" for an absent tag, dependencies of installed packages that nothing satisfies, signing keys.
  Question question;
  question.dump =
      "P gpg-pubkey\t(none)\tf4a80eb5\t53a7ff4b\t(none)\nv gpg(CentOS-7 Key)\t16777224\t4:24c6a8a7f4a80eb5-53a7ff4b\n"
      "P broken\t(none)\t1\t1\tx86_64\nr not-there\nr rpmlib(CompressedFileNames)\t16777226\t3.0.4-1\no (none)\nf "
      "(none)\n"
      "P dbus\t1\t1.10.24\t15.el7\tx86_64\nE\n";
  question.bundle = {{"ofed-scripts", "5.5-1", "x86_64", {"dbus >= 1:1.6"}}};
  EXPECT_THAT(changes(question, {"ofed-scripts"}),
              ElementsAre("install ofed-scripts.x86_64 5.5-1 0:RPMS/ofed-scripts.rpm (wanted)"));
}

}  // namespace
}  // namespace bake::resolve
