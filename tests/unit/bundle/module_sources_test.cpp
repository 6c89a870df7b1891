// Where kernel modules come from, and which OFED release the packages state.
#include "bake/bundle/module_sources.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bake::bundle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

BundlePackage package(const std::string& name, const std::string& version, const std::string& kernel = "",
                      bool dkms = false) {
  BundlePackage made;
  made.name = name;
  made.version = version;
  made.built_kernel = kernel;
  made.dkms_source = dkms;
  return made;
}

Bundle bundle_of(PackageFormat format, std::vector<BundlePackage> packages) {
  Bundle bundle;
  bundle.version = "5.5-1.0.3.2";
  bundle.layout = "flat";
  bundle.format = format;
  bundle.repositories.push_back({"flat", "RPMS", true, std::move(packages)});
  return bundle;
}

TEST(ModuleSources, EachOnce) {
  EXPECT_THAT(module_sources(bundle_of(PackageFormat::deb, {package("rdma-core", "1")})), IsEmpty());
  EXPECT_THAT(module_sources(bundle_of(PackageFormat::deb, {package("a-dkms", "1", "", true), package("b", "1", "5.4"),
                                                            package("c-dkms", "1", "", true)})),
              ElementsAre(ModuleSource{"prebuilt", "5.4"}, ModuleSource{"dkms", ""}));
  auto kmods = bundle_of(PackageFormat::rpm, {package("kmod-a", "1", "5.14"), package("kmod-b", "1", "5.14"),
                                              package("kmod-c", "1", "4.18")});
  EXPECT_THAT(module_sources(kmods), ElementsAre(ModuleSource{"kmp", "4.18"}, ModuleSource{"kmp", "5.14"}));
  kmods.doca = DocaRelease{"E", "", "", "25.01", "25.01-0.6.0.0", "5.14"};
  EXPECT_THAT(module_sources(kmods), ElementsAre(ModuleSource{"prebuilt", "4.18"}, ModuleSource{"prebuilt", "5.14"}));
}

TEST(Family, OfMlnxOfedFollowsLayoutAndVersion) {
  auto bundle = bundle_of(PackageFormat::rpm, {});
  EXPECT_EQ(family_of(bundle), "C");
  EXPECT_EQ(ofed_of(bundle), "5.5-1.0.3.2");
  bundle.version = "4.5-1.0.1.0";
  EXPECT_EQ(family_of(bundle), "A");
  bundle.layout = "split";
  EXPECT_EQ(family_of(bundle), "B");
  bundle.doca = DocaRelease{"D3", "3.2.2", "035000", "25.10", "25.10-2.4.1", ""};
  EXPECT_EQ(family_of(bundle), "D3");
  EXPECT_EQ(ofed_of(bundle), "25.10-2.4.1");
}

// The versions come from public logs of DOCA-Host and MLNX_OFED.
TEST(OfedOfPackages, TheMostExactStatementCounts) {
  const auto of = [](std::vector<BundlePackage> packages) { return ofed_of_packages(packages, "25.10"); };
  EXPECT_EQ(of({}), "25.10");
  EXPECT_EQ(of({package("knem-dkms", "1.1.4.90mlnx3-OFED.23.10.0.2.1.1")}), "25.10");
  EXPECT_EQ(of({package("ofed-scripts", "25.07-OFED.25.07.0.9.7")}), "25.07-0.9.7");
  EXPECT_EQ(of({package("mlnx-ofed-kernel-dkms", "25.10.OFED.25.10.1.7.1.1-1")}), "25.10-1.7.1");
  EXPECT_EQ(of({package("mlnx-ofed-kernel-dkms", "25.10.OFED.25.10.1.7.1.413.1-1"),
                package("ofed-scripts", "25.10-OFED.25.10.1.7")}),
            "25.10-1.7.1.413");
  EXPECT_EQ(of({package("kmod-mlnx-ofa_kernel", "25.07-OFED.25.07.0.9.7.1.1.rhel9u6")}), "25.07-0.9.7");
  EXPECT_EQ(
      of({package("mlnx-ofa_kernel", "25.10-OFED.25.10.1.7.1.1.el10"), package("mlnx-fw-updater", "25.10-1.7.1.0")}),
      "25.10-1.7.1.0");
  EXPECT_EQ(of({package("mlnx-ofa_kernel", "2607.0.100-1"), package("doca-ofed-source", "26.07.0.7.7-1")}),
            "26.07-0.7.7");
  EXPECT_EQ(of({package("mlnx-ofa_kernel", "2607.0.100-1"), package("mlnx-fw-updater", "26.07")}), "25.10");
}

}  // namespace
}  // namespace bake::bundle
