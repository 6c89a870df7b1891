// What `extras wanted` prints: the packages that a plan lacks, and the commands that download them.
#include "bake/plan/fetch_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/plan_inputs.hpp"

namespace bake::plan {
namespace {

using ::testing::ElementsAre;

Inputs focal() { return inputs_for(ubuntu(azure), deb_repository(false), PackageFormat::deb, nullptr); }

/// A guest of an EL release with `kernel`, whose driver must be built.
Inputs el(const std::string& id, const std::string& version, const std::string& kernel) {
  const BundlePackage sources{
      "mlnx-ofa_kernel-dkms", "25.10-OFED.25.10.1.7.1.1", "noarch", "RPMS/dkms.rpm", 100, 500, "", {}, "", true};
  auto facts = centos(kernel);
  facts.os = {id, version, ""};
  auto inputs = inputs_for(facts, {"flat", "RPMS", true, {sources}}, PackageFormat::rpm, nullptr);
  inputs.resolution.distro = "rhel" + version;
  return inputs;
}

TEST(FetchList, OfADebGuestHasTheBuildToolsTheHeadersAndTheDependencies) {
  auto inputs = focal();
  inputs.resolution.closure.missing = {{"libnl-3-200", "=", "3.4.0-1", "mlnx-tools 5.2"},
                                       {"tcl", "", "", "ofed-scripts 5.5"},
                                       {"tcl", ">=", "8.6", "mlnx-tools 5.2"}};
  const auto list = fetch_list(inputs);
  EXPECT_EQ(
      to_text(list),
      "ubuntu 20.04, kernel 5.4.0-1040-azure: 7 packages are missing\n"
      "  dkms  (the modules are built for 5.4.0-1040-azure)\n"
      "  gcc  (the modules are built for 5.4.0-1040-azure)\n"
      "  libc6-dev  (the modules are built for 5.4.0-1040-azure)\n"
      "  libnl-3-200 3.4.0-1  (mlnx-tools 5.2 needs libnl-3-200 = 3.4.0-1)\n"
      "  linux-headers-5.4.0-1040-azure  (the modules are built for 5.4.0-1040-azure)\n"
      "  make  (the modules are built for 5.4.0-1040-azure)\n"
      "  tcl  (ofed-scripts 5.5 needs tcl; mlnx-tools 5.2 needs tcl >= 8.6)\n"
      "on a machine with ubuntu 20.04 and a network:\n"
      "  mkdir -p extras-ubuntu20.04/partial\n"
      "  sudo apt-get update\n"
      "  sudo apt-get -o Dir::State::status=/dev/null -o Dir::Cache::archives=\"$PWD/extras-ubuntu20.04\" install "
      "--download-only --no-install-recommends --yes dkms gcc libc6-dev libnl-3-200=3.4.0-1 "
      "linux-headers-5.4.0-1040-azure make tcl\n"
      "  sudo rm -rf extras-ubuntu20.04/partial extras-ubuntu20.04/lock\n");
}

TEST(FetchList, IsOneDocument) {
  auto inputs = focal();
  inputs.facts.programs.insert({"gcc", "make", "dkms"});
  inputs.resolution.fit = resolve::decide_fit(inputs.facts, azure, deb_repository(false), PackageFormat::deb,
                                              {"mlnx-ofed-kernel-dkms"}, {"libc6-dev"});
  EXPECT_EQ(to_json(fetch_list(inputs)).dump(2), R"({
  "os": "ubuntu 20.04",
  "kernels": [
    "5.4.0-1040-azure"
  ],
  "packages": [
    {
      "name": "linux-headers-5.4.0-1040-azure",
      "version": "",
      "arch": "amd64",
      "why": "the modules are built for 5.4.0-1040-azure"
    }
  ],
  "commands": [
    "mkdir -p extras-ubuntu20.04/partial",
    "sudo apt-get update",
    "sudo apt-get -o Dir::State::status=/dev/null -o Dir::Cache::archives=\"$PWD/extras-ubuntu20.04\" install --download-only --no-install-recommends --yes linux-headers-5.4.0-1040-azure",
    "sudo rm -rf extras-ubuntu20.04/partial extras-ubuntu20.04/lock"
  ]
})");
}

// yumdownloader does not find files and capabilities.
TEST(FetchList, OfEl7UsesYumdownloaderAndRepoquery) {
  auto inputs = el("centos", "7.7", ga);
  inputs.resolution.closure.missing = {{"/usr/bin/perl", "", "", "ofed-scripts 25.10"},
                                       {"libnl-3.so.200()(64bit)", "", "", "libibverbs 2510.0.11-1"},
                                       {"tcl", ">=", "8.5", "mlnx-tools 25.10"}};
  EXPECT_EQ(to_text(fetch_list(inputs)),
            "centos 7.7, kernel 3.10.0-1062.el7.x86_64: 7 packages are missing\n"
            "  /usr/bin/perl  (ofed-scripts 25.10 needs /usr/bin/perl)\n"
            "  dkms  (the modules are built for 3.10.0-1062.el7.x86_64; EPEL has it)\n"
            "  gcc  (the modules are built for 3.10.0-1062.el7.x86_64)\n"
            "  kernel-devel 3.10.0-1062.el7  (the modules are built for 3.10.0-1062.el7.x86_64)\n"
            "  libnl-3.so.200()(64bit)  (libibverbs 2510.0.11-1 needs libnl-3.so.200()(64bit))\n"
            "  make  (the modules are built for 3.10.0-1062.el7.x86_64)\n"
            "  tcl  (mlnx-tools 25.10 needs tcl >= 8.5)\n"
            "on a machine with centos 7.7 and a network, started from the same base image:\n"
            "  sudo yum install -y yum-utils\n"
            "  sudo yum install -y epel-release\n"
            "  yumdownloader --resolve --destdir extras-rhel7.7 dkms gcc kernel-devel-3.10.0-1062.el7 make tcl "
            "$(repoquery --qf '%{name}' --whatprovides /usr/bin/perl 'libnl-3.so.200()(64bit)')\n");
}

TEST(FetchList, OfEl8UsesDnfDownload) {
  const std::string kernel = "4.18.0-372.9.1.el8.x86_64";
  auto inputs = el("rhel", "8.6", kernel);
  inputs.resolution.closure.missing = {{"libnl-3.so.200()(64bit)", "", "", "libibverbs 2510.0.11-1"}};
  EXPECT_THAT(download_commands(fetch_list(inputs)),
              ElementsAre("mkdir -p extras-rhel8.6", "sudo dnf install -y 'dnf-command(download)'",
                          "sudo dnf install -y https://dl.fedoraproject.org/pub/epel/epel-release-latest-8.noarch.rpm",
                          "dnf download --resolve --alldeps --arch x86_64,noarch --destdir extras-rhel8.6 dkms gcc "
                          "kernel-devel-4.18.0-372.9.1.el8 'libnl-3.so.200()(64bit)' make"));
  EXPECT_EQ(fetch_list(inputs).packages[2],
            (FetchPackage{"kernel-devel", "4.18.0-372.9.1.el8", "x86_64", "the modules are built for " + kernel}));
  // Without DKMS nothing comes from EPEL.
  inputs.resolution.fit.missing.clear();
  EXPECT_THAT(download_commands(fetch_list(inputs)),
              ElementsAre("mkdir -p extras-rhel8.6", "sudo dnf install -y 'dnf-command(download)'",
                          "dnf download --resolve --alldeps --arch x86_64,noarch --destdir extras-rhel8.6 "
                          "'libnl-3.so.200()(64bit)'"));
}

TEST(FetchList, SaysThatNothingIsMissing) {
  const auto list = fetch_list(inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols));
  EXPECT_EQ(to_text(list), "centos 7.7, kernel 3.10.0-1062.el7.x86_64: nothing is missing\n");
  EXPECT_EQ(to_json(list).dump(),
            R"({"os":"centos 7.7","kernels":["3.10.0-1062.el7.x86_64"],"packages":[],"commands":[]})");
}

TEST(FetchList, OfAFleetHasEachPackageOncePerRelease) {
  auto newer = focal();
  newer.resolution.fit.kernel = "5.4.0-1100-azure";
  newer.resolution.fit.missing = {"dkms", "linux-headers-5.4.0-1100-azure"};
  auto first = focal();
  first.resolution.fit.missing = {"dkms", "linux-headers-5.4.0-1040-azure"};
  first.resolution.closure.missing = {{"tcl", "=", "8.6.9", "mlnx-tools 5.2"}};
  newer.resolution.closure.missing = {{"tcl", "", "", "ofed-scripts 5.5"}};
  const auto lists = merged({fetch_list(newer), fetch_list(el("centos", "7.7", ga)), fetch_list(first)});
  ASSERT_EQ(lists.size(), 2U);
  EXPECT_THAT(lists[0].kernels, ElementsAre("5.4.0-1040-azure", "5.4.0-1100-azure"));
  EXPECT_THAT(
      lists[0].packages,
      ElementsAre(
          FetchPackage{"dkms", "", "amd64",
                       "the modules are built for 5.4.0-1100-azure; the modules are built for "
                       "5.4.0-1040-azure"},
          FetchPackage{"linux-headers-5.4.0-1040-azure", "", "amd64", "the modules are built for 5.4.0-1040-azure"},
          FetchPackage{"linux-headers-5.4.0-1100-azure", "", "amd64", "the modules are built for 5.4.0-1100-azure"},
          FetchPackage{"tcl", "8.6.9", "amd64", "ofed-scripts 5.5 needs tcl; mlnx-tools 5.2 needs tcl = 8.6.9"}));
  EXPECT_EQ(lists[1].distro, "rhel7.7");
}

TEST(FetchList, ARefusalAboutMissingPackagesNamesTheCommand) {
  auto inputs = focal();
  inputs.recipe.file = "/r/focal.yaml";
  inputs.resolution.closure.problems = {
      {"mlnx-tools", "nothing provides tcl, needed by mlnx-tools 5.2", "add it", {{Remedy::Action::add_extras}}},
      {"libfoo", "conflicts with libbar", "remove it"}};
  const std::vector<Remedy> about_recipe{{Remedy::Action::add_extras, "/r/focal.yaml"}};
  const auto refusals = make(inputs).refusals;
  ASSERT_EQ(refusals.size(), 3U);
  EXPECT_EQ(refusals[0].problem.remedies, about_recipe);  // the build
  EXPECT_EQ(refusals[1].problem.remedies, about_recipe);
  EXPECT_EQ(refusals[2].problem.remedies, std::vector<Remedy>{});
}

TEST(FetchList, OfEl9HasTheHeadersThatDkmsRequires) {
  const auto list = fetch_list(el("almalinux", "9.4", "5.14.0-427.13.1.el9_4.x86_64"));
  std::vector<std::string> specs;
  for (const auto& package : list.packages) specs.push_back(package.name + " " + package.version);
  EXPECT_THAT(specs, ElementsAre("dkms ", "gcc ", "kernel-devel 5.14.0-427.13.1.el9_4",
                                 "kernel-devel-matched 5.14.0-427.13.1.el9_4", "make "));
}

}  // namespace
}  // namespace bake::plan
