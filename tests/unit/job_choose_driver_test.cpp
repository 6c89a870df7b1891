// Which driver a recipe gets from the matrix and the store, before any appliance starts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/job/driver.hpp"
#include "ofed/support.hpp"

namespace bake::job {
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
  void add(const ofed::AddOptions& options) {
    const auto parts = ofed::testing::deb_bundle();
    const auto archive = scratch.path() / (parts.top + ".tgz");
    write_text_atomically(archive, parts.archive());
    store.add(archive, options, progress);
  }
  void ask_for(const std::string& version) {
    recipe.ofed.choice = recipe::OfedChoice::version;
    recipe.ofed.version = version;
  }
  Driver choose() {
    Environment environment{matrix, store, progress, {}, {}};
    return choose_driver(recipe, environment);
  }
  std::vector<std::string> warnings() {
    ask_for("5.5-1.0.3.2");
    return choose().choice.warnings;
  }
  Error refusal() {
    return ofed::testing::error_of([this] { choose(); });
  }

  const TemporaryDirectory scratch;
  const matrix::Matrix matrix = matrix::Matrix::built_in();
  ofed::Store store{scratch.path() / "store"};
  SilentProgress progress;
  recipe::Recipe recipe;
};

TEST_F(ChooseDriver, DoesNotDoubtThatAPinnedBundleExists) {
  ofed::AddOptions options;
  options.pin = digest_of(ofed::testing::deb_bundle().archive());
  options.pin_source = "command line";
  add(options);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(ChooseDriver, DoesNotDoubtThatASignedBundleExists) {
  const auto keys = scratch.path() / "keys.asc";
  write_text_atomically(keys, ofed::testing::vendor().public_key());
  ofed::AddOptions options;
  options.keyrings = {keys};
  add(options);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(ChooseDriver, DoubtsWhatNobodyVouchedFor) {
  ofed::AddOptions options;
  options.policy.insecure_no_pin = true;
  add(options);
  EXPECT_THAT(warnings(), ElementsAre(::testing::HasSubstr(
                              "nobody has confirmed that MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64.tgz exists")));
}

TEST_F(ChooseDriver, SaysWhereOnlyTheDistributionsDriverFits) {
  recipe.os = {"ubuntu", "22.04"};
  recipe.vm_sizes = {"Standard_NC24rs_v3"};
  const auto error = refusal();
  EXPECT_EQ(error.kind(), ErrorKind::incompatible);
  EXPECT_EQ(
      error.message(),
      "choosing a driver for 'image': only the distribution's own driver serves Standard_NC24rs_v3 on ubuntu 22.04");
  EXPECT_EQ(error.hint(), "say 'ofed: inbox' in the recipe");
}

TEST_F(ChooseDriver, SaysWhichKernelLeavesOnlyTheDistributionsDriver) {
  recipe.os = {"ubuntu", "18.04"};
  recipe.kernel = "4.15.0-1041-azure";
  EXPECT_EQ(
      refusal().message(),
      "choosing a driver for 'image': only the distribution's own driver serves Standard_HB120rs_v2 on ubuntu 18.04 "
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
  EXPECT_TRUE(error.hint().starts_with("use the 5.8, 23.10 or 24.10 LTS line; these fit: ")) << error.hint();
}

TEST_F(ChooseDriver, SaysWhyTheDistributionsDriverDoesNotFit) {
  recipe.vm_sizes = {"Standard_HB176rs_v4"};
  recipe.ofed.choice = recipe::OfedChoice::inbox;
  const auto error = refusal();
  EXPECT_EQ(error.message(),
            "choosing a driver for ubuntu 20.04 on Standard_HB176rs_v4: the inbox driver of Ubuntu 20.04 LTS drives "
            "CX3-Pro, CX4, CX5, CX6, not CX7 (Standard_HB176rs_v4)");
  EXPECT_TRUE(error.hint().starts_with("these fit: ")) << error.hint();
}

TEST_F(ChooseDriver, WhereNothingFitsSaysWhatTheSizeNeeds) {
  recipe.os = {"centos", "7.6"};
  recipe.vm_sizes = {"Standard_HB176rs_v4"};
  ask_for("5.5-1.0.3.2");
  const auto error = refusal();
  EXPECT_EQ(error.message(),
            "choosing a driver for centos 7.6 on Standard_HB176rs_v4: Standard_HB176rs_v4 (CX7) needs MLNX_OFED >= "
            "5.6-1.0.3.3, which has no bundle for CentOS 7.6; its inbox driver does not drive CX7");
  EXPECT_EQ(error.hint(), "use AlmaLinux 8.6 with MLNX_OFED 5.8-1.0.1.1");
}

}  // namespace
}  // namespace bake::job
