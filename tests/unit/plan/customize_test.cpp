// What `customize` of a recipe may not do to an image.
#include "bake/plan/customize.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/plan_inputs.hpp"

namespace bake::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Inputs customized() { return inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, &kernel_symbols); }

std::vector<std::string> refusals_of(const Inputs& inputs) {
  std::vector<std::string> refusals;
  for (const auto& refusal : make(inputs).refusals)
    refusals.push_back(refusal.problem.where + ": " + refusal.problem.message);
  return refusals;
}

ImageFile file(const std::string& path, std::uint64_t size = 1) { return {"x", path, 0644, 0, 0, "digest", size}; }

TEST(Customize, IsInThePlanAndExpected) {
  auto inputs = customized();
  inputs.customization.files = {file("/etc/motd")};
  inputs.customization.sysctl = {{"vm.nr_hugepages", "8"}};
  inputs.customization.has_first_boot = true;
  inputs.recipe.customize.enable = {"chrony.service"};
  const auto outcome = make(inputs);
  EXPECT_THAT(refusals_of(inputs), ElementsAre());
  EXPECT_THAT(outcome.plan.enable_services,
              ::testing::IsSupersetOf({std::string("chrony.service"), std::string("bake-first-boot.service")}));
  EXPECT_EQ(outcome.plan.expectations.customized.files.at("/etc/motd"), "0644 0:0 digest");
  ASSERT_EQ(outcome.plan.option_files.size(), 2U);
  EXPECT_THAT(outcome.plan.option_files[0].text, HasSubstr("\nvm.nr_hugepages = 8\n"));
  // Ubuntu's cloud-final.service comes after multi-user.target.
  EXPECT_THAT(outcome.plan.option_files[1].text,
              HasSubstr("After=network-online.target cloud-final.service multi-user.target\n"));
  EXPECT_EQ(to_json(outcome)["customize"]["files"]["/etc/motd"], "0644 0:0 digest");
  EXPECT_FALSE(to_json(make(customized())).contains("customize"));
}

TEST(Customize, FilesOfBakeOfAccountsAndOfGeneralizeAreRefused) {
  auto inputs = customized();
  inputs.recipe.generalize = true;
  inputs.customization.files = {file("/usr/sbin/ib-firstboot"), file("/root/.ssh/authorized_keys"), file("/var/log/x")};
  inputs.customization.lines = {{"/etc/waagent.conf", "OS.EnableRDMA=n"}};
  EXPECT_THAT(
      refusals_of(inputs),
      ElementsAre("/usr/sbin/ib-firstboot: bake itself writes this file",
                  "/root/.ssh/authorized_keys: keys of accounts are not files of the image",
                  "/root/.ssh/authorized_keys: 'generalize: true' removes it",
                  "/var/log/x: 'generalize: true' removes it", "/etc/waagent.conf: bake itself writes this file"));
}

TEST(Customize, OneFileIsNotAFileAndEdited) {
  auto inputs = customized();
  inputs.customization.files = {file("/etc/x")};
  inputs.customization.lines = {{"/etc/x", "a"}};
  EXPECT_THAT(refusals_of(inputs), ElementsAre("/etc/x: 'files' and 'lines' both name it"));
}

TEST(Customize, AnAccountOfTheImageIsRefused) {
  auto inputs = customized();
  inputs.facts.machine.accounts = {{"hpc", 1000, "/home/hpc"}};
  inputs.customization.users = {{"hpc", {}, "/bin/sh", ""}};
  EXPECT_THAT(refusals_of(inputs), ElementsAre("users: the image has an account 'hpc' already"));
}

TEST(Customize, WhatBakeEnablesIsNotTurnedOff) {
  auto inputs = customized();
  inputs.recipe.customize.mask = {"ib-firstboot.service"};
  EXPECT_THAT(refusals_of(inputs),
              ElementsAre("services: bake enables ib-firstboot.service, and the recipe turns it off"));
}

TEST(Customize, LargeFilesNeedSpace) {
  auto inputs = customized();
  inputs.customization.files = {file("/opt/large", 30ULL << 30U)};
  const auto refusals = refusals_of(inputs);
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_THAT(refusals[0], HasSubstr("space: the guest's file system on / has 20 GiB free and needs 30."));
}

}  // namespace
}  // namespace bake::plan
