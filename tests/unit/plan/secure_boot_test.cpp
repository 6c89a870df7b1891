#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/base64.hpp"
#include "bake/base/error.hpp"
#include "matrix/matrix.hpp"
#include "tests/support/module_key.hpp"
#include "tests/support/plan_inputs.hpp"

namespace bake::plan {
namespace {

using bake::testing::site_key;
using bake::testing::vendor_key;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// An Ubuntu 20.04 guest whose driver DKMS builds or the bundle brings, and a recipe with a key.
Inputs focal(bool prebuilt) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(prebuilt), PackageFormat::deb, nullptr);
  inputs.facts.kernels.front().module_hash = "sha512";
  inputs.module_trust = ModuleTrust{{site_key().certificate}, true};
  inputs.module_trust->kernel = *matrix::Matrix::built_in().find_secure_boot("ubuntu", "20.04", azure);
  return inputs;
}

std::vector<std::string> messages(const Outcome& outcome) {
  std::vector<std::string> found;
  for (const auto& refusal : outcome.refusals)
    if (refusal.problem.where == "secure_boot") found.push_back(refusal.problem.message);
  return found;
}

TEST(PlanSecureBoot, NothingWithoutIt) {
  auto inputs = focal(true);
  inputs.module_trust.reset();
  const auto outcome = make(inputs);
  EXPECT_FALSE(outcome.plan.secure_boot);
  EXPECT_FALSE(outcome.plan.expectations.secure_boot);
  EXPECT_FALSE(to_json(outcome).contains("secure_boot"));
  EXPECT_THAT(outcome.plan.warnings, Contains(HasSubstr("without Secure Boot (Trusted Launch)")));
}

TEST(PlanSecureBoot, SignsTheModulesOfTheBundle) {
  const auto outcome = make(focal(true));
  const auto& plan = *outcome.plan.secure_boot;
  EXPECT_THAT(messages(outcome), IsEmpty());
  EXPECT_EQ(plan.hash, "sha512");
  EXPECT_EQ(plan.form, signature::ModuleForm::cms);
  EXPECT_EQ(plan.keyring, ".platform");
  EXPECT_THAT(plan.groups, ElementsAre(SignedGroup{"", {"mlx5_core"}, "the bundle", "signs"}));
  EXPECT_EQ(outcome.plan.expectations.secure_boot->hash, "sha512");
  for (const auto& warning : outcome.plan.warnings) EXPECT_THAT(warning, Not(HasSubstr("Secure Boot")));
  const auto text = to_text(outcome);
  EXPECT_THAT(text,
              HasSubstr("\nsecure boot\n  1 module (mlx5_core), from the bundle, without a signature: bake signs what "
                        "no key of 'certificates' signed, with CN=Example site modules (sha512, cms)\n"));
  EXPECT_THAT(text, HasSubstr("\n  the kernel has the certificates of the firmware in .platform ("));
  EXPECT_THAT(text, HasSubstr("\n  the version in the gallery must carry CN=Example site modules in db, sha256 " +
                              site_key().certificate.sha256 + "\n"));
}

TEST(PlanSecureBoot, KeepsModulesOfAChosenVendor) {
  auto inputs = focal(true);
  inputs.module_trust->certificates.push_back(vendor_key().certificate);
  inputs.resolution.new_modules.prebuilt = {{"Example vendor", {"mlx5_core"}}, {"Example other", {"xpmem"}}};
  EXPECT_THAT(make(inputs).plan.secure_boot->groups,
              ElementsAre(SignedGroup{"Example other", {"xpmem"}, "the bundle", "signs"},
                          SignedGroup{"Example vendor", {"mlx5_core"}, "the bundle", "keeps"}));
}

TEST(PlanSecureBoot, WithoutAKeyAllModulesMustBeSigned) {
  auto inputs = focal(true);
  inputs.module_trust = ModuleTrust{{vendor_key().certificate}, false, inputs.module_trust->kernel};
  EXPECT_THAT(messages(make(inputs)),
              ElementsAre("1 module of the bundle without a signature, and the recipe names no key to sign with"));
  inputs.resolution.new_modules.prebuilt = {{"Example vendor", {"mlx5_core"}}};
  EXPECT_THAT(messages(make(inputs)), IsEmpty());
}

TEST(PlanSecureBoot, RefusesAKernelThatTheMatrixDoesNotKnow) {
  auto inputs = focal(true);
  inputs.module_trust->kernel.reset();
  const auto outcome = make(inputs);
  EXPECT_THAT(
      messages(outcome),
      ElementsAre("the matrix does not say whether kernel 5.4.0-1040-azure of ubuntu 20.04 loads modules that a "
                  "key of the firmware signed"));
  EXPECT_THAT(outcome.refusals.back().problem.hint, HasSubstr("use 'ofed: inbox'"));
  EXPECT_THAT(outcome.refusals.back().problem.hint, HasSubstr("mokutil --import"));
}

TEST(PlanSecureBoot, RefusesAKernelThatAcceptsNoKey) {
  auto inputs = focal(true);
  inputs.module_trust->kernel = *matrix::Matrix::built_in().find_secure_boot("azurelinux", "3.0", "6.6.57");
  EXPECT_THAT(messages(make(inputs)),
              ElementsAre("kernel 5.4.0-1040-azure: its kernel checks modules against its own keys only, as far as its "
                          "public source shows"));
}

TEST(PlanSecureBoot, WarnsAboutAKernelForWhichItIsNotProven) {
  auto inputs = focal(true);
  inputs.module_trust->kernel = *matrix::Matrix::built_in().find_secure_boot("ubuntu", "16.04", "4.4.0-131-generic");
  const auto outcome = make(inputs);
  EXPECT_THAT(messages(outcome), IsEmpty());
  EXPECT_THAT(outcome.plan.warnings,
              Contains(HasSubstr("secure_boot: it is not proven that kernel 5.4.0-1040-azure loads the modules")));
}

TEST(PlanSecureBoot, RefusesADiskOfGeneration1AndAKernelWithoutSignatures) {
  auto inputs = focal(true);
  inputs.facts.layout.efi = false;
  inputs.facts.kernels.front().module_hash.clear();
  EXPECT_THAT(messages(make(inputs)),
              ElementsAre("the disk has no EFI system partition, and Secure Boot needs generation 2",
                          "the configuration of kernel 5.4.0-1040-azure does not say that it checks modules "
                          "(CONFIG_MODULE_SIG_HASH)"));
  inputs = focal(true);
  inputs.facts.kernels.front().module_hash = "sha3-512";
  EXPECT_THAT(messages(make(inputs)),
              ElementsAre("kernel 5.4.0-1040-azure checks modules with sha3-512, with which bake does not sign"));
}

TEST(PlanSecureBoot, TheFormOfEl7) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.kernels.front().module_hash = "sha256";
  inputs.module_trust = ModuleTrust{{site_key().certificate}, true};
  inputs.module_trust->kernel = *matrix::Matrix::built_in().find_secure_boot("centos", "7.7", ga);
  EXPECT_EQ(make(inputs).plan.secure_boot->form, signature::ModuleForm::legacy);
}

TEST(PlanSecureBoot, ManifestHasTheCertificatesOnOneLine) {
  auto plan = *make(focal(true)).plan.secure_boot;
  plan.modules["/lib/modules/K/extra/a.ko"] = {"before", "after", "Example vendor"};
  const auto json = to_json(plan);
  EXPECT_EQ(json.at("certificates").at(0).at("base64"), to_base64(site_key().certificate.der));
  EXPECT_EQ(json.at("certificates").at(0).at("base64").get<std::string>().find('\n'), std::string::npos);
  EXPECT_EQ(json.at("modules").dump(),
            R"({"/lib/modules/K/extra/a.ko":{"before":"before","after":"after","replaced":"Example vendor"}})");
}

TEST(PlanSecureBoot, ExpectationsAreReadBack) {
  auto plan = *make(focal(true)).plan.secure_boot;
  plan.modules["/lib/modules/K/extra/a.ko"] = {"before", "after", ""};
  Expectations expectations;
  expectations.secure_boot = expected_state(plan);
  EXPECT_EQ(expectations.secure_boot->modules.at("/lib/modules/K/extra/a.ko"), "after");
  EXPECT_EQ(expectations_from(to_json(expectations)), expectations);
  auto json = nlohmann::json::parse(to_json(expectations).dump());
  json["secure_boot"]["form"] = "new";
  EXPECT_THROW(expectations_from(json), Error);
  json["secure_boot"]["certificates"][0]["base64"] = "no base64";
  EXPECT_THROW(expectations_from(json), Error);
}

}  // namespace
}  // namespace bake::plan
