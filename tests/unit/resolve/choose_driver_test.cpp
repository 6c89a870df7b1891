// Which driver a recipe gets from the matrix and the store, before any appliance starts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/job/plan.hpp"
#include "tests/support/bundles.hpp"

namespace bake::resolve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ChooseDriver : public ::testing::Test {
 protected:
  ChooseDriver() {
    recipe.name = "image";
    recipe.os = {"ubuntu", "20.04"};
    recipe.vm_sizes = {"Standard_HB120rs_v2"};
  }
  void add(const store::AddOptions& options, const testing::BundleParts& parts = testing::deb_bundle()) {
    const auto archive = scratch.path() / (parts.top + ".tgz");
    write_text_atomically(archive, parts.archive());
    store.add(archive, options, progress);
  }
  /// A bundle of `version` for Ubuntu 20.04, trusted by its signature.
  void add_focal(const std::string& version) {
    auto parts = testing::deb_bundle();
    parts.top = "MLNX_OFED_LINUX-" + version + "-ubuntu20.04-x86_64";
    parts.files[".mlnx"] = version + "\n";
    testing::index_debs(parts, "DEBS", version, testing::vendor());
    add(trusting(), parts);
  }
  [[nodiscard]] store::AddOptions trusting() const {
    const auto keys = scratch.path() / "keys.asc";
    write_text_atomically(keys, testing::vendor().public_key());
    store::AddOptions options;
    options.keyrings = {keys};
    return options;
  }
  void ask_for(const std::string& version) {
    recipe.ofed.choice = recipe::OfedChoice::version;
    recipe.ofed.version = version;
  }
  SelectedDriver choose() {
    job::Environment environment{matrix, store, progress, {}, {}};
    return job::select_driver(recipe, environment);
  }
  std::vector<std::string> warnings() {
    ask_for("5.5-1.0.3.2");
    return choose().choice.warnings;
  }
  Error refusal() {
    return testing::error_of([this] { choose(); });
  }

  const TemporaryDirectory scratch;
  const matrix::Matrix matrix = matrix::Matrix::built_in();
  store::Store store{scratch.path() / "store"};
  SilentProgress progress;
  recipe::Recipe recipe;
};

TEST_F(ChooseDriver, DoesNotDoubtThatAPinnedBundleExists) {
  store::AddOptions options;
  const auto parts = testing::deb_bundle();  // once: its signatures contain the time
  options.pin = digest_of(parts.archive());
  options.pin_source = "command line";
  add(options, parts);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(ChooseDriver, DoesNotDoubtThatASignedBundleExists) {
  add(trusting());
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(ChooseDriver, DoubtsWhatNobodyVouchedFor) {
  store::AddOptions options;
  options.policy.insecure_no_pin = true;
  add(options);
  EXPECT_THAT(warnings(),
              ElementsAre(::testing::HasSubstr(
                  "no public source confirms that MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64.tgz exists")));
}

TEST_F(ChooseDriver, SaysWhereOnlyTheDistributionsDriverFits) {
  recipe.os = {"ubuntu", "22.04"};
  recipe.vm_sizes = {"Standard_NC24rs_v3"};
  const auto error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::incompatible);
  EXPECT_EQ(
      error.message(),
      "choosing a driver for 'image': only the distribution's own driver supports Standard_NC24rs_v3 on ubuntu 22.04");
  EXPECT_EQ(error.hint(), "write 'ofed: inbox' in the recipe");
}

TEST_F(ChooseDriver, SaysWhichKernelLeavesOnlyTheDistributionsDriver) {
  recipe.os = {"ubuntu", "18.04"};
  recipe.kernel = "4.15.0-1041-azure";
  EXPECT_EQ(
      refusal().message(),
      "choosing a driver for 'image': only the distribution's own driver supports Standard_HB120rs_v2 on ubuntu 18.04 "
      "with kernel 4.15.0-1041-azure");
}

TEST_F(ChooseDriver, SaysWhyTheReleaseOfTheRecipeDoesNotFit) {
  recipe.vm_sizes = {"Standard_HB176rs_v4"};
  ask_for("5.5-1.0.3.2");
  const auto error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::incompatible);
  EXPECT_EQ(
      error.message(),
      "choosing a driver for ubuntu 20.04 on Standard_HB176rs_v4: MLNX_OFED 5.5-1.0.3.2 drives CX4, CX5, CX6, not "
      "CX7 (Standard_HB176rs_v4); ConnectX-7 (NDR) needs MLNX_OFED 5.6-1.0.3.3 or newer; with an older one the link "
      "comes up as SDR");
  EXPECT_TRUE(error.hint().starts_with("use the 5.8, 23.10 or 24.10 LTS line; possible drivers: ")) << error.hint();
}

TEST_F(ChooseDriver, SaysWhyTheDistributionsDriverDoesNotFit) {
  recipe.vm_sizes = {"Standard_HB176rs_v4"};
  recipe.ofed.choice = recipe::OfedChoice::inbox;
  const auto error = refusal();
  EXPECT_EQ(error.message(),
            "choosing a driver for ubuntu 20.04 on Standard_HB176rs_v4: the inbox driver of Ubuntu 20.04 LTS drives "
            "CX3-Pro, CX4, CX5, CX6, not CX7 (Standard_HB176rs_v4)");
  EXPECT_TRUE(error.hint().starts_with("possible drivers: ")) << error.hint();
}

TEST_F(ChooseDriver, WhereNothingFitsSaysWhatTheSizeNeeds) {
  recipe.os = {"centos", "7.6"};
  recipe.vm_sizes = {"Standard_HB176rs_v4"};
  ask_for("5.5-1.0.3.2");
  const auto error = refusal();
  EXPECT_EQ(error.message(),
            "choosing a driver for centos 7.6 on Standard_HB176rs_v4: Standard_HB176rs_v4 (CX7) needs MLNX_OFED >= "
            "5.6-1.0.3.3, which has no bundle for CentOS 7.6; its inbox driver does not drive CX7");
  EXPECT_EQ(
      error.hint(),
      "use AlmaLinux 8.6 with MLNX_OFED 5.8-1.0.1.1; or CentOS 7.9 with MLNX_OFED 23.10-2.1.3.1, which is unverified");
}

TEST_F(ChooseDriver, TakesABundleInTheStoreThatTheMatrixListsForOtherReleasesOnly) {
  auto parts = testing::rpm_bundle("rhel7.9", "3.10.0-1160.el7.x86_64");
  parts.top = "MLNX_OFED_LINUX-4.9-7.1.0.0-rhel7.9-x86_64";
  parts.files[".mlnx"] = "4.9-7.1.0.0\n";
  add(trusting(), parts);
  recipe.os = {"centos", "7.9"};
  recipe.vm_sizes = {"Standard_NC24rs_v3"};
  const auto driver = choose();
  ASSERT_TRUE(driver.bundle);
  EXPECT_EQ(driver.bundle->version, "4.9-7.1.0.0");
  EXPECT_EQ(driver.choice.driver, "mlx4_core");
  EXPECT_THAT(driver.choice.warnings,
              ::testing::Contains("the matrix lists no bundle of MLNX_OFED 4.9-7.1.0.0 for CentOS 7.9"));
}

TEST_F(ChooseDriver, TakesAPointReleaseInTheStoreThatTheMatrixDoesNotKnow) {
  recipe.vm_sizes = {"Standard_HB176rs_v4"};
  add_focal("5.8-3.0.7.0");
  EXPECT_THAT(choose().choice.warnings,
              ElementsAre("the matrix does not list MLNX_OFED 5.8-3.0.7.0: the rows of line 5.8 apply"));
}

TEST_F(ChooseDriver, PrefersListedBundlesAndThenLongTermLines) {
  add_focal("5.9-9.9.9.9");
  add_focal("5.8-3.0.7.0");
  EXPECT_EQ(choose().choice.ofed, "5.8-3.0.7.0");
  add_focal("5.5-1.0.3.2");
  EXPECT_EQ(choose().choice.ofed, "5.5-1.0.3.2");
}

TEST_F(ChooseDriver, SaysThatTheStoreItselfIsNotThere) {
  EXPECT_EQ(refusal().message(), "choosing a driver for 'image': the store '" + store.directory().string() +
                                     "' has none of the bundles that fit: there is no such directory");
}

TEST_F(ChooseDriver, LeavesABundleInTheStoreThatDoesNotFit) {
  recipe.vm_sizes = {"Standard_HB176rs_v4"};
  add_focal("5.5-9.9.9.9");
  const auto error = refusal();
  EXPECT_EQ(error.message(), "choosing a driver for 'image': the store '" + store.directory().string() +
                                 "' has none of the bundles that fit");
  EXPECT_EQ(error.hint(), "add MLNX_OFED_LINUX-5.8-2.0.3.0-ubuntu20.04-x86_64.tgz to the store");
  EXPECT_EQ(error.remedies(),
            (std::vector<Remedy>{{Remedy::Action::add_bundle, "MLNX_OFED_LINUX-5.8-2.0.3.0-ubuntu20.04-x86_64.tgz"}}));
}

}  // namespace
}  // namespace bake::resolve
