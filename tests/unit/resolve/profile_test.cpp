#include "bake/resolve/profile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/text.hpp"

namespace bake::resolve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

constexpr const char* ubuntu_kernel = "5.4.0-26-generic";

/// "name", "name=version" or "name=version@kernel the payload is for", separated by white space.
bundle::Repository repository(const std::string& directory, const std::string& packages) {
  bundle::Repository result;
  result.directory = directory;
  for (const auto& word : split_words(packages)) {
    const auto at = split(word, '@');
    const auto equals = split(at[0], '=');
    bundle::BundlePackage package;
    package.name = equals[0];
    package.version = equals.size() > 1 ? equals[1] : "1";
    if (at.size() > 1) package.built_kernel = at[1];
    package.dkms_source = package.name.ends_with("-dkms");
    result.packages.push_back(package);
  }
  return result;
}

std::vector<std::string> names(const std::string& profile, const bundle::Repository& from, bundle::PackageFormat format,
                               const std::string& kernel = ubuntu_kernel) {
  const auto packages = packages_of(profile, from, format, kernel);
  EXPECT_THAT(packages.problems, IsEmpty());
  return packages.names;
}

// Names of the genuine MLNX_OFED_LINUX-4.9-7.1.0.0 Ubuntu indexes.
const bundle::Repository deb_mlnx = repository(
    "DEBS/MLNX_LIBS",
    "ar-mgr dapl2-utils dump-pr hcoll ibacm-dev ibacm ibdump ibsim-doc ibsim ibutils2 ibutils ibverbs-utils "
    "infiniband-diags-compat infiniband-diags-guest infiniband-diags iser-dkms isert-dkms kernel-mft-dkms knem-dkms "
    "knem "
    "libdapl-dev libdapl2 libibcm-dev libibcm1 libibdm1 libibmad-devel libibmad-static libibmad libibumad-devel "
    "libibumad-static libibumad libibverbs-dev libibverbs1-dbg libibverbs1 libmlx4-1-dbg libmlx4-1 libmlx4-dev "
    "libmlx5-1-dbg libmlx5-1 libmlx5-dev libopensm-devel libopensm librdmacm-dev librdmacm-utils librdmacm1 libvma mft "
    "mlnx-ethtool mlnx-fw-updater mlnx-iproute2 mlnx-nvme-dkms mlnx-ofed-all mlnx-ofed-basic mlnx-ofed-hpc "
    "mlnx-ofed-kernel-dkms mlnx-ofed-kernel-only mlnx-ofed-kernel-utils mpitests mstflint ofed-scripts openmpi "
    "opensm-doc "
    "opensm perftest rshim-dkms sharp sockperf srp-dkms srptools ucx");
const bundle::Repository deb_upstream = repository(
    "DEBS/UPSTREAM_LIBS",
    "ar-mgr dapl2-utils dump-pr hcoll ibacm ibdump ibsim-doc ibsim ibutils2 ibutils ibverbs-providers ibverbs-utils "
    "infiniband-diags iser-dkms isert-dkms kernel-mft-dkms knem-dkms knem libdapl-dev libdapl2 libibdm1 libibmad-dev "
    "libibmad5 libibnetdisc-dev libibnetdisc5 libibumad-dev libibumad3 libibverbs-dev libibverbs1 libopensm-devel "
    "libopensm librdmacm-dev librdmacm1 mft mlnx-dpdk mlnx-ethtool mlnx-fw-updater mlnx-iproute2 mlnx-nvme-dkms "
    "mlnx-ofed-all mlnx-ofed-basic mlnx-ofed-hpc mlnx-ofed-kernel-dkms mlnx-ofed-kernel-utils mpitests mstflint "
    "ofed-scripts openmpi opensm-doc opensm perftest rdma-core rdmacm-utils rshim-dkms sharp sockperf srp-dkms "
    "srptools "
    "ucx");
// Names of a 4.9-4.1.7.0 rhel7.6 and of a 5.5-1.0.3.2 rhel8.2 bundle.
const bundle::Repository rpm_mlnx = repository(
    "RPMS/MLNX_LIBS",
    "mlnx-ofa_kernel kmod-mlnx-ofa_kernel=4.9@3.10.0-957.el7.x86_64 mlnx-ofa_kernel-devel kmod-iser kmod-isert "
    "kmod-srp "
    "kmod-knem knem kmod-kernel-mft-mlnx ofed-scripts mft mstflint mlnx-fw-updater libibverbs libibverbs-devel "
    "libibverbs-utils libmlx4 libmlx5 librdmacm librdmacm-utils librdmacm-devel libibumad libibmad infiniband-diags "
    "ibacm "
    "srptools opensm opensm-libs perftest mlnx-ofed-basic mlnx-ofed-hpc");
const bundle::Repository rpm_upstream =
    repository("RPMS",
               "mlnx-tools rdma-core rdma-core-devel libibverbs libibverbs-utils librdmacm librdmacm-utils libibumad "
               "infiniband-diags ibacm srp_daemon mlnx-ofa_kernel mlnx-ofa_kernel-devel mlnx-ofa_kernel-source "
               "kmod-mlnx-ofa_kernel=5.5@4.18.0-193.el8.x86_64 kmod-iser kmod-isert kmod-srp kmod-knem knem xpmem "
               "kmod-xpmem libxpmem "
               "kmod-kernel-mft-mlnx ofed-scripts opensm opensm-libs opensm-devel perftest mstflint mft ucx ucx-devel "
               "mlnx-ethtool "
               "mlnx-iproute2 sharp hcoll openmpi mpitests_openmpi dpcp mlnx-fw-updater mlnx-ofed-all");

TEST(Profile, MinimalOfEveryStack) {
  EXPECT_THAT(
      names("ib-minimal", deb_mlnx, bundle::PackageFormat::deb),
      ElementsAre("ibverbs-utils", "infiniband-diags", "libibumad", "libibverbs1", "libmlx4-1", "libmlx5-1",
                  "librdmacm-utils", "librdmacm1", "mlnx-ofed-kernel-dkms", "mlnx-ofed-kernel-utils", "ofed-scripts"));
  EXPECT_THAT(
      names("ib-minimal", deb_upstream, bundle::PackageFormat::deb),
      ElementsAre("ibverbs-providers", "ibverbs-utils", "infiniband-diags", "libibumad3", "libibverbs1", "librdmacm1",
                  "mlnx-ofed-kernel-dkms", "mlnx-ofed-kernel-utils", "ofed-scripts", "rdma-core", "rdmacm-utils"));
  EXPECT_THAT(names("ib-minimal", rpm_mlnx, bundle::PackageFormat::rpm),
              ElementsAre("infiniband-diags", "kmod-mlnx-ofa_kernel", "libibumad", "libibverbs", "libibverbs-utils",
                          "libmlx4", "libmlx5", "librdmacm", "librdmacm-utils", "mlnx-ofa_kernel", "ofed-scripts"));
  EXPECT_THAT(
      names("ib-minimal", rpm_upstream, bundle::PackageFormat::rpm),
      ElementsAre("infiniband-diags", "kmod-mlnx-ofa_kernel", "libibumad", "libibverbs", "libibverbs-utils",
                  "librdmacm", "librdmacm-utils", "mlnx-ofa_kernel", "mlnx-tools", "ofed-scripts", "rdma-core"));
}

TEST(Profile, BasicIsTheVendorsBasicSet) {
  // The dependencies of the genuine metapackages mlnx-ofed-basic.
  EXPECT_THAT(names("basic", deb_mlnx, bundle::PackageFormat::deb),
              ElementsAre("ibacm", "ibacm-dev", "ibverbs-utils", "infiniband-diags", "infiniband-diags-compat",
                          "iser-dkms", "isert-dkms", "kernel-mft-dkms", "libibmad", "libibmad-devel", "libibmad-static",
                          "libibumad", "libibumad-devel", "libibumad-static", "libibverbs-dev", "libibverbs1",
                          "libmlx4-1", "libmlx4-dev", "libmlx5-1", "libmlx5-dev", "libopensm", "libopensm-devel",
                          "librdmacm-dev", "librdmacm-utils", "librdmacm1", "mft", "mlnx-ethtool", "mlnx-iproute2",
                          "mlnx-ofed-kernel-dkms", "mlnx-ofed-kernel-utils", "mstflint", "ofed-scripts", "opensm",
                          "opensm-doc", "rshim-dkms", "srp-dkms", "srptools"));
  EXPECT_THAT(names("basic", deb_upstream, bundle::PackageFormat::deb),
              ElementsAre("ibacm", "ibverbs-providers", "ibverbs-utils", "infiniband-diags", "iser-dkms", "isert-dkms",
                          "kernel-mft-dkms", "libibmad-dev", "libibmad5", "libibnetdisc5", "libibumad-dev",
                          "libibumad3", "libibverbs-dev", "libibverbs1", "libopensm", "libopensm-devel",
                          "librdmacm-dev", "librdmacm1", "mft", "mlnx-ethtool", "mlnx-iproute2",
                          "mlnx-ofed-kernel-dkms", "mlnx-ofed-kernel-utils", "mstflint", "ofed-scripts", "opensm",
                          "opensm-doc", "rdma-core", "rdmacm-utils", "rshim-dkms", "srp-dkms", "srptools"));
  EXPECT_THAT(names("basic", rpm_mlnx, bundle::PackageFormat::rpm),
              ElementsAre("ibacm", "infiniband-diags", "kmod-iser", "kmod-isert", "kmod-kernel-mft-mlnx",
                          "kmod-mlnx-ofa_kernel", "kmod-srp", "libibmad", "libibumad", "libibverbs", "libibverbs-devel",
                          "libibverbs-utils", "libmlx4", "libmlx5", "librdmacm", "librdmacm-devel", "librdmacm-utils",
                          "mft", "mlnx-ofa_kernel", "mstflint", "ofed-scripts", "opensm", "opensm-libs", "srptools"));
}

TEST(Profile, HpcAddsMpiAndItsTransports) {
  EXPECT_THAT(names("hpc", deb_upstream, bundle::PackageFormat::deb),
              IsSupersetOf({"ar-mgr", "dapl2-utils", "hcoll", "ibutils2", "knem", "knem-dkms", "libdapl2", "mpitests",
                            "openmpi", "perftest", "sharp", "ucx"}));
  const auto chosen = names("hpc", rpm_upstream, bundle::PackageFormat::rpm);
  EXPECT_THAT(chosen, IsSupersetOf({"hcoll", "kmod-knem", "kmod-xpmem", "knem", "libxpmem", "mpitests_openmpi",
                                    "openmpi", "perftest", "sharp", "ucx", "ucx-devel", "xpmem"}));
}

TEST(Profile, UserSpaceOnlyHasNothingForTheKernel) {
  EXPECT_THAT(names("user-space-only", rpm_mlnx, bundle::PackageFormat::rpm),
              ElementsAre("infiniband-diags", "libibumad", "libibverbs", "libibverbs-utils", "libmlx4", "libmlx5",
                          "librdmacm", "librdmacm-utils", "ofed-scripts"));
  EXPECT_THAT(names("user-space-only", deb_upstream, bundle::PackageFormat::deb),
              ElementsAre("ibverbs-providers", "ibverbs-utils", "infiniband-diags", "libibumad3", "libibverbs1",
                          "librdmacm1", "ofed-scripts", "rdma-core", "rdmacm-utils"));
}

TEST(Profile, NeverAsksForFirmwareUpdatersOrMetapackages) {
  for (const auto& profile : profile_names())
    for (const auto& [from, format] : {std::pair(&deb_mlnx, bundle::PackageFormat::deb),
                                       {&deb_upstream, bundle::PackageFormat::deb},
                                       {&rpm_mlnx, bundle::PackageFormat::rpm},
                                       {&rpm_upstream, bundle::PackageFormat::rpm}})
      for (const auto& name : names(profile, *from, format)) {
        EXPECT_NE(name, "mlnx-fw-updater");
        EXPECT_FALSE(name.starts_with("mlnx-ofed-") && !name.starts_with("mlnx-ofed-kernel-")) << name;
      }
  EXPECT_THAT(never_installed(), ElementsAre("mlnx-fw-updater"));
}

const std::string deb_user_space = " libibverbs1 ibverbs-providers mlnx-ofed-kernel-utils ";
const std::string rpm_user_space = " libibverbs rdma-core mlnx-ofa_kernel ";

TEST(Profile, PrefersModulesThatArePrebuiltForTheKernel) {
  const auto debs = repository("DEBS", deb_user_space +
                                           "mlnx-ofed-kernel-dkms iser-dkms srp-dkms "
                                           "mlnx-ofed-kernel-modules=5.5.kver.5.4.0-26-generic "
                                           "srp-modules=5.5.kver.5.4.0-26-generic");
  EXPECT_THAT(names("basic", debs, bundle::PackageFormat::deb),
              ElementsAre("ibverbs-providers", "libibverbs1", "mlnx-ofed-kernel-modules", "mlnx-ofed-kernel-utils",
                          "srp-modules"));
  EXPECT_THAT(names("basic", debs, bundle::PackageFormat::deb, "5.4.0-1040-azure"),
              ElementsAre("ibverbs-providers", "iser-dkms", "libibverbs1", "mlnx-ofed-kernel-dkms",
                          "mlnx-ofed-kernel-utils", "srp-dkms"));
  // Non-KMP rpm packages carry the kernel in the version with '_' for '-', or only in the payload's path.
  const auto rpms = repository("RPMS", rpm_user_space +
                                           "mlnx-ofa_kernel-modules=5.5-1.kver.4.18.0_193.el8.x86_64 "
                                           "iser=5.5-OFED@4.18.0-193.el8.x86_64 srp=5.5-OFED@4.18.0-147.el8.x86_64");
  EXPECT_THAT(names("basic", rpms, bundle::PackageFormat::rpm, "4.18.0-193.el8.x86_64"),
              ElementsAre("iser", "libibverbs", "mlnx-ofa_kernel", "mlnx-ofa_kernel-modules", "rdma-core"));
}

TEST(Profile, NamesTheVersionWhereOnlyTheKernelTellsPackagesApart) {
  const auto debs = repository("DEBS", deb_user_space +
                                           "mlnx-ofed-kernel-modules=5.5.kver.5.4.0-26-generic "
                                           "mlnx-ofed-kernel-modules=5.5.kver.5.4.0-1040-azure");
  EXPECT_THAT(names("ib-minimal", debs, bundle::PackageFormat::deb, "5.4.0-1040-azure"),
              ElementsAre("ibverbs-providers", "libibverbs1", "mlnx-ofed-kernel-modules=5.5.kver.5.4.0-1040-azure",
                          "mlnx-ofed-kernel-utils"));
  bundle::BundlePackage package;
  package.name = "mlnx-ofed-kernel-modules";
  package.version = "5.5.kver.5.4.0-1040-azure";
  EXPECT_TRUE(names_package("mlnx-ofed-kernel-modules", package));
  EXPECT_TRUE(names_package("mlnx-ofed-kernel-modules=5.5.kver.5.4.0-1040-azure", package));
  EXPECT_FALSE(names_package("mlnx-ofed-kernel-modules=5.5.kver.5.4.0-26-generic", package));
  EXPECT_FALSE(names_package("mlnx-ofed-kernel", package));
}

TEST(Profile, TakesModulesForAnotherKernelOnlyForWantOfBetter) {
  // The kernel fit says why they will not do; "no kernel modules" would be untrue.
  const auto debs = repository("DEBS", deb_user_space + "mlnx-ofed-kernel-modules=5.5.kver.5.4.0-26-generic");
  EXPECT_THAT(names("ib-minimal", debs, bundle::PackageFormat::deb, "5.4.0-1040-azure"),
              ElementsAre("ibverbs-providers", "libibverbs1", "mlnx-ofed-kernel-modules", "mlnx-ofed-kernel-utils"));
}

TEST(Profile, ThePayloadAndNotTheVersionSaysWhatAPackageWasBuiltFor) {
  bundle::BundlePackage package;
  package.version = "4.18.0-106.kver.4.18.0_147.el8.x86_64";
  EXPECT_TRUE(is_prebuilt_for(package, "4.18.0-147.el8.x86_64"));
  EXPECT_FALSE(is_prebuilt_for(package, "4.18.0-106"));
  package.built_kernel = "4.18.0-193.el8.x86_64";
  EXPECT_FALSE(is_prebuilt_for(package, "4.18.0-147.el8.x86_64"));
  EXPECT_TRUE(is_prebuilt_for(package, "4.18.0-193.el8.x86_64"));
}

TEST(Profile, ReportsEveryEssentialPartThatIsNotThere) {
  const auto empty =
      packages_of("ib-minimal", repository("RPMS", "ofed-scripts"), bundle::PackageFormat::rpm, "4.18.0");
  EXPECT_THAT(empty.names, ElementsAre("ofed-scripts"));
  ASSERT_EQ(empty.problems.size(), 3U);
  EXPECT_EQ(empty.problems[0].where, "RPMS");
  EXPECT_EQ(empty.problems[0].message,
            "has no kernel modules: none of mlnx-ofa_kernel-modules, mlnx-ofa_kernel, kmod-mlnx-ofa_kernel, "
            "kmod-mlnx-ofa_kernel-mlnx, mlnx-ofa_kernel-dkms");
  EXPECT_EQ(empty.problems[1].message, "has no verbs library: none of libibverbs, libibverbs1");
  EXPECT_EQ(empty.problems[2].message,
            "has no mlx5 verbs provider: none of rdma-core, ibverbs-providers, libmlx5, libmlx5-1");
  EXPECT_EQ(
      packages_of("user-space-only", repository("RPMS", "x"), bundle::PackageFormat::rpm, "4.18.0").problems.size(),
      2U);
}

TEST(Profile, RefusesAProfileItDoesNotKnow) {
  const auto unknown = packages_of("ib-minimum", deb_mlnx, bundle::PackageFormat::deb, ubuntu_kernel);
  ASSERT_EQ(unknown.problems.size(), 1U);
  EXPECT_EQ(unknown.problems[0].message, "unknown profile; the profiles are ib-minimal, basic, hpc, user-space-only");
  EXPECT_EQ(unknown.problems[0].hint, "did you mean 'ib-minimal'?");
}

}  // namespace
}  // namespace bake::resolve
