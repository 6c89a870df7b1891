// Solves over the genuine index of MLNX_OFED_LINUX-4.9-7.1.0.0 (Ubuntu) if a copy is next to the tree. Nothing of
// it is in git; without it these tests are skipped.
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/file.hpp"
#include "bake/resolve/profile.hpp"
#include "tests/support/closure_fixture.hpp"
#include "tests/support/genuine_data.hpp"

namespace bake::resolve {
namespace {

using namespace bake::testing;

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class GenuineIndex : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(directory())) GTEST_SKIP() << "the genuine index is not in " << directory();
  }
  static std::filesystem::path directory() { return genuine_data("mlnx-ofed-4.9-7.1.0.0-ubuntu") / "DEBS"; }
  static std::string index_of(const std::string& flavour) { return read_text(directory() / flavour / "Packages"); }
};

/// A minimal image: "name version" of each package.
std::string status(const std::vector<std::string>& packages) {
  std::string text;
  for (const auto& package : packages) {
    const auto words = split_words(package);
    text +=
        "Package: " + words[0] + "\nStatus: install ok installed\nArchitecture: amd64\nVersion: " + words[1] + "\n\n";
  }
  return text;
}

std::vector<std::string> minimal_profile(const std::string& index, const std::string& directory) {
  const auto packages =
      packages_of("ib-minimal", repository_of_index(index, directory), bundle::PackageFormat::deb, "5.4.0-26-generic");
  EXPECT_THAT(packages.problems, IsEmpty());
  return packages.names;
}

TEST_F(GenuineIndex, NamesWhatAMinimalImageLacks) {
  const auto index = index_of("UPSTREAM_LIBS");
  const auto image = status({"adduser 3.118", "coreutils 8.30", "grep 3.4", "kmod 27", "libc6 2.31", "libsystemd0 245",
                             "libudev1 245", "lsb-base 11.1", "procps 3.3.16", "udev 245", "pciutils 3.6.4"});
  EXPECT_THAT(
      lines_of(ask_deb(image, index, minimal_profile(index, "DEBS/UPSTREAM_LIBS"), "", "DEBS/UPSTREAM_LIBS")),
      ElementsAre(
          "! infiniband-diags: nothing provides perl:any, needed by infiniband-diags 50mlnx1-1.49710",
          "! libibverbs1: nothing provides libnl-3-200 >= 3.2.7, needed by libibverbs1 50mlnx1-1.49710",
          "! libibverbs1: nothing provides libnl-route-3-200 >= 3.2.7, needed by libibverbs1 50mlnx1-1.49710",
          "! librdmacm1: nothing provides libnl-3-200 >= 3.2.7, needed by librdmacm1 50mlnx1-1.49710",
          "! mlnx-ofed-kernel-dkms: nothing provides dkms, needed by mlnx-ofed-kernel-dkms 4.9-OFED.4.9.7.1.0.1",
          "! mlnx-ofed-kernel-dkms: nothing provides lsof, needed by mlnx-ofed-kernel-dkms 4.9-OFED.4.9.7.1.0.1",
          "! mlnx-ofed-kernel-dkms: nothing provides make, needed by mlnx-ofed-kernel-dkms 4.9-OFED.4.9.7.1.0.1",
          "! mlnx-ofed-kernel-utils: nothing provides lsof, needed by mlnx-ofed-kernel-utils 4.9-OFED.4.9.7.1.0.1",
          "! rdma-core: nothing provides libnl-3-200 >= 3.2.7, needed by rdma-core 50mlnx1-1.49710"));
}

/// What the minimal profile of the legacy stack asks of the distribution.
const std::string legacy_needs =
    status({"adduser 3.118", "coreutils 8.30", "dkms 2.8.1", "grep 3.4", "kmod 27", "libc6 2.31", "libglib2.0-0 2.64",
            "libnl-3-200 3.4.0", "libnl-route-3-200 3.4.0", "libnuma1 2.0.12", "lsof 4.93.2", "make 4.2.1",
            "pciutils 3.6.4", "procps 3.3.16"});

TEST_F(GenuineIndex, InstallsTheMinimalProfileOfTheLegacyStack) {
  const auto index = index_of("MLNX_LIBS");
  const auto image = legacy_needs + status({"libibverbs1 28.0-1ubuntu1", "librdmacm1 28.0-1ubuntu1"});
  const auto closure = ask_deb(image, index, minimal_profile(index, "DEBS/MLNX_LIBS"), "", "DEBS/MLNX_LIBS");
  EXPECT_THAT(closure.problems, IsEmpty());
  std::vector<std::string> changes;
  for (const auto& change : closure.changes) changes.push_back(change.name + ": " + change.reason);
  EXPECT_THAT(changes,
              ElementsAre("ibverbs-utils: wanted", "infiniband-diags: wanted", "libibmad: required by infiniband-diags",
                          "libibumad: wanted", "libmlx4-1: wanted", "libmlx5-1: wanted",
                          "libopensm: required by infiniband-diags", "librdmacm-utils: wanted",
                          "mlnx-ofed-kernel-dkms: wanted", "mlnx-ofed-kernel-utils: wanted", "ofed-scripts: wanted",
                          "libibverbs1: wanted", "librdmacm1: wanted"));
  ASSERT_EQ(closure.changes.size(), 13U);
  EXPECT_EQ(closure.changes[11].old_version, "28.0-1ubuntu1");
  EXPECT_EQ(closure.changes[11].version, "41mlnx1-OFED.4.9.3.0.0.49710");
  EXPECT_EQ(closure.changes[11].file, "DEBS/MLNX_LIBS/libibverbs1_41mlnx1-OFED.4.9.3.0.0.49710_amd64.deb");
}

TEST_F(GenuineIndex, TheLegacyStackTakesThePlaceOfTheDistributionsStack) {
  const auto index = index_of("MLNX_LIBS");
  // Nothing in the vendor's index conflicts with or replaces any of these, yet they share files.
  const auto image =
      legacy_needs + status({"libibverbs1 28.0-1ubuntu1", "ibverbs-providers 28.0-1ubuntu1", "rdma-core 28.0-1ubuntu1",
                             "libibumad3 28.0-1ubuntu1", "librdmacm1 28.0-1ubuntu1"});
  const auto closure = ask_deb(image, index, minimal_profile(index, "DEBS/MLNX_LIBS"), "", "DEBS/MLNX_LIBS");
  EXPECT_THAT(closure.problems, IsEmpty());
  std::vector<std::string> removed;
  for (const auto& change : closure.changes)
    if (change.action == PackageChange::Action::remove) removed.push_back(change.name);
  EXPECT_THAT(removed, ElementsAre("ibverbs-providers", "libibumad3", "rdma-core"));
}

}  // namespace
}  // namespace bake::resolve
