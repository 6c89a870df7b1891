// Security point 6: nothing signed names the distribution of a bundle, but the versions of packages may contradict its
// name.
#include "bake/packages/release_tag.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/store_fixture.hpp"

namespace bake::bundle {
namespace {

using namespace bake::testing;

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ReleaseTag, WordsOfTheSameReleaseAgree) {
  for (const auto& [version, distro] : std::vector<std::pair<std::string, std::string>>{
           {"5.5-OFED.5.5.1.0.3.1.rhel8u2", "rhel8.2"},
           {"4.15.1-9.rhel7u6", "rhel7.6alternate"},
           {"5.5-1.0.3.2.rhel8.2", "rhel8.2"},
           {"24.10-OFED.24.10.1.rhel8u10", "rhel8.10"},
           {"4.18.0-193.28.1.el8_2.x86_64", "rhel8.3"},  // kernels of several minor releases
           {"4.14.0-115.el7a.aarch64", "rhel7.6alternate"},
           {"5.4.17-2102.el8uek.x86_64", "ol8.4"},
           {"10.0-7.el7.centos", "centos7.9"},
           {"1.0-1.sles15sp3", "sles15sp3"},
           {"1.0-1.fc35", "fc35"},
           {"2.9.0-1~u20.04", "ubuntu20.04"},
           {"1.0-0ubuntu20.04.1", "ubuntu20.04"},
           {"28.0-1ubuntu1", "ubuntu18.04"},  // a revision, not a release
           {"5.10.0.MLNX20211115.e645cc83-0.1.55103", "rhel8.2"},
           {"5.6.0.MLNX20200211.fc30ab1-0.1", "rhel8.2"},  // a commit
           {"4.9-OFED.4.9.7.1.0.1", "ubuntu20.04"},
           {"55mlnx37-1.55103", "rhel8.2"},
           {"1-1.el9", "openeuler22.03"},  // not compared
       })
    EXPECT_EQ(contradicting_release(version, distro), "") << version << " for " << distro;
}

TEST(ReleaseTag, WordsOfAnotherReleaseContradict) {
  EXPECT_EQ(contradicting_release("5.5-OFED.5.5.1.0.3.1.rhel8u2", "rhel8.3"), "rhel8u2");
  EXPECT_EQ(contradicting_release("5.5-OFED.5.5.1.0.3.1.rhel8u2", "rhel7.9"), "rhel8u2");
  EXPECT_EQ(contradicting_release("24.10-1.rhel8u10", "rhel8.1"), "rhel8u10");
  EXPECT_EQ(contradicting_release("3.10.0-1160.el7.x86_64", "rhel8.2"), "el7");
  EXPECT_EQ(contradicting_release("1-1.el8", "ubuntu20.04"), "el8");
  EXPECT_EQ(contradicting_release("1.0-1.sles15sp3", "sles15sp4"), "sles15sp3");
  EXPECT_EQ(contradicting_release("1.0-1.fc35", "rhel8.2"), "fc35");
  EXPECT_EQ(contradicting_release("2.9.0-1~u20.04", "ubuntu22.04"), "u20.04");
  EXPECT_EQ(contradicting_release("1.0-0ubuntu18.04.1", "ubuntu20.04"), "ubuntu18.04");
}

TEST_F(StoreTest, ABundleUnderTheNameOfAnotherDistributionIsRefused) {
  auto parts = rpm_bundle();
  parts.top = "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.9-x86_64";
  parts.files["distro"] = "rhel7.9\n";
  const auto archive = archive_of(parts);
  const std::string kmod = "RPMS/kmod-mlnx-ofa_kernel-5.5-OFED.5.5.1.0.3.1.rhel8u2.x86_64.rpm";
  const std::string hint = "the name of a bundle is not signed: take the bundle from the vendor again";
  EXPECT_THAT(store.verify_archive(archive, trusting(), progress).decision.problems,
              ElementsAre(Problem{kmod, "is made for 'el8', the top directory says distribution 'rhel7.9'", hint},
                          Problem{kmod, "is made for 'rhel8u2', the top directory says distribution 'rhel7.9'", hint}));
  EXPECT_EQ(error_of([&] { store.add(archive, trusting(), progress); }).kind(), ErrorKind::untrusted);
  EXPECT_THAT(store.list(), IsEmpty());
}

}  // namespace
}  // namespace bake::bundle
