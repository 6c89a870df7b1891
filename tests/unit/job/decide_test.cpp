#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/driver_fixture.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::make_deb;

TEST_F(DriverTest, HeadersAndCompilerComeFromTheExtraPackagesWithoutADependency) {
  // apt downloads files with these names; dkms only recommends gcc and headers.
  add_extras("focal", "ubuntu20.04",
             {{"dkms_2.8.1-5ubuntu2_all.deb", make_deb("dkms", "2.8.1-5ubuntu2", "all", {}, "Depends: make\n")},
              {"gcc_4%3a9.3.0-1ubuntu2_amd64.deb", make_deb("gcc", "4:9.3.0-1ubuntu2", "amd64")},
              {"make_4.3_amd64.deb", make_deb("make", "4.3", "amd64")},
              {"linux-headers-5.4.0-26-generic_5.4.0-26.30_amd64.deb",
               make_deb("linux-headers-5.4.0-26-generic", "5.4.0-26.30", "amd64")},
              {"linux-headers-5.4.0-1040-azure_5.4.0-1040.42_amd64.deb",
               make_deb("linux-headers-5.4.0-1040-azure", "5.4.0-1040.42", "amd64", {},
                        "Depends: linux-azure-headers-5.4.0-1040\n")},
              {"linux-azure-headers-5.4.0-1040_5.4.0-1040.42_all.deb",
               make_deb("linux-azure-headers-5.4.0-1040", "5.4.0-1040.42", "all")}});
  const auto outcome = make_plan(recipe, select_driver(recipe, environment), facts, environment);
  EXPECT_THAT(changes_of(outcome), ElementsAre("dkms 2.8.1-5ubuntu2 from 1", "gcc 4:9.3.0-1ubuntu2 from 1",
                                               "linux-azure-headers-5.4.0-1040 5.4.0-1040.42 from 1",
                                               "linux-headers-5.4.0-1040-azure 5.4.0-1040.42 from 1",
                                               "mlnx-ofed-kernel-dkms 5.5-OFED.5.5.1.0.3.1 from 0"));
  EXPECT_EQ(outcome.plan.fit.kind, resolve::FitKind::needs_build);
}

TEST_F(DriverTest, AnInstalledDriverIsNotBakedAgain) {
  facts.programs.insert({"dkms", "gcc", "make"});
  facts.kernels.front().has_headers = true;
  facts.packages.packages.push_back({"mlnx-ofed-kernel-dkms", "5.5-OFED.5.5.1.0.3.1", "all"});
  facts.packages.packages.push_back({"libc6-dev", "2.31-0ubuntu9", "amd64"});
  facts.packages.dump =
      "Package: mlnx-ofed-kernel-dkms\nStatus: install ok installed\nVersion: 5.5-OFED.5.5.1.0.3.1\nArchitecture: "
      "all\n\n"
      "Package: libc6-dev\nStatus: install ok installed\nVersion: 2.31-0ubuntu9\nArchitecture: amd64\n\n";
  const auto outcome = planned();
  EXPECT_THAT(changes_of(outcome), ElementsAre());
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(
      outcome.refusals[0].problem.message,
      "the base already has the driver of MLNX_OFED 5.5-1.0.3.2 (mlnx-ofed-kernel-dkms 5.5-OFED.5.5.1.0.3.1): bake "
      "has no module to inject");
}

TEST_F(DriverTest, AWarningAboutTheAgentNamesItsVersion) {
  facts.waagent = guest::Waagent{"2.2.45", "/etc/waagent.conf", false, "walinuxagent.service"};
  const auto rule = matrix.package_rules({"ubuntu", "20.04", "2.2.45", "", true, false}).at(0);
  EXPECT_THAT(planned().plan.warnings,
              ::testing::Contains("the image has waagent 2.2.45: " + rule.message + " (" + rule.remedy + ")"));
}

TEST_F(DriverTest, AnAgentThatTheMatrixRefusesIsRefused) {
  const auto agents = [this](const std::string& version, bool enable_rdma) {
    facts.waagent = guest::Waagent{version, "/etc/waagent.conf", false, "walinuxagent.service"};
    recipe.configure.enable_rdma = enable_rdma;
    std::vector<std::string> refused;
    for (const auto& refusal : planned().refusals)
      if (refusal.problem.where.starts_with("waagent")) refused.push_back(refusal.problem.where);
    return refused;
  };
  EXPECT_THAT(agents("2.9.1.1", true), ElementsAre("waagent 2.9.1.1"));
  EXPECT_THAT(agents("2.9.1.1", false), ElementsAre());
  EXPECT_THAT(agents("2.12.0.2", true), ElementsAre());
}

TEST_F(DriverTest, AnAgentThatTheExtraPackagesUpdateIsNotRefused) {
  facts.waagent = guest::Waagent{"2.9.1.1", "/etc/waagent.conf", false, "walinuxagent.service"};
  facts.packages.packages.push_back({"walinuxagent", "2.9.1.1-0ubuntu1", "amd64"});
  facts.packages.dump +=
      "Package: walinuxagent\nStatus: install ok installed\nVersion: 2.9.1.1-0ubuntu1\nArchitecture: amd64\n\n";
  add_extras("agent", "ubuntu20.04",
             {{"walinuxagent_2.12.0.4-0ubuntu1_amd64.deb", make_deb("walinuxagent", "2.12.0.4-0ubuntu1", "amd64")}});
  recipe.ofed.packages = {"walinuxagent"};
  for (const auto& refusal : planned().refusals) EXPECT_FALSE(refusal.problem.where.starts_with("waagent"));
}

TEST_F(DriverTest, ACloudInitWithTheDuplicateMacBugIsAWarning) {
  facts.packages.packages.push_back({"cloud-init", "22.1-14-g2e17a0d6-0ubuntu1~20.04.3", "all"});
  facts.machine.cloud_init_network = true;
  EXPECT_THAT(
      planned().plan.warnings,
      ::testing::Contains(::testing::HasSubstr("the image has cloud-init 22.1: cloud-init 18.4 to 22.1 can stop")));
}

TEST_F(DriverTest, TheKernelFitIsReportedWithMissingDependencies) {
  recipe.ofed.packages = {"mlnx-ofed-kernel-dkms", "nobody-has-this"};
  const auto outcome = make_plan(recipe, select_driver(recipe, environment), facts, environment);
  std::vector<std::string> where;
  for (const auto& refusal : outcome.refusals) where.push_back(refusal.problem.where);
  EXPECT_THAT(where, ElementsAre("kernel 5.4.0-1040-azure", "nobody-has-this"));
  EXPECT_EQ(outcome.plan.fit.explanation,
            "mlnx-ofed-kernel-dkms must be built for 5.4.0-1040-azure, and the image lacks dkms, gcc, "
            "linux-headers-5.4.0-1040-azure");
}

TEST_F(DriverTest, PackagesOfTheOtherFamilyStayOut) {
  add_extras("el7", "", {{"tcl-8.5-1.x86_64.rpm", testing::make_rpm("tcl", "8.5", "1")}});
  const auto driver = select_driver(recipe, environment);
  EXPECT_TRUE(driver.extras.empty());
  EXPECT_TRUE(driver.may_build());
  EXPECT_THAT(driver.payloads(), ElementsAre(driver.bundle->payload()));
}

TEST_F(DriverTest, RulesAboutKernelsApplyToTheDefaultKernel) {
  ask_for_fdr();
  boot("5.15.0-1053-azure");
  const auto outcome = planned();
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(outcome.refusals[0].kind, ErrorKind::incompatible);
  EXPECT_EQ(outcome.refusals[0].problem,
            (Problem{"MLNX_OFED 4.9-4.1.7.0 with kernel 5.15.0-1053-azure",
                     "the MLNX_OFED releases that drive ConnectX-3 Pro do not work on kernel 5.6 and newer",
                     "boot a kernel older than 5.6, or use the inbox driver"}));
  for (const auto& warning : outcome.plan.warnings) EXPECT_EQ(warning.find("not known yet"), std::string::npos);
}

TEST_F(DriverTest, RulesAboutOtherKernelsDoNotApply) {
  ask_for_fdr();
  const auto driver = select_driver(recipe, environment);
  EXPECT_THAT(driver.choice.warnings, ElementsAre(::testing::EndsWith("which kernel boots is not known yet")));
  const auto outcome = make_plan(recipe, driver, facts, environment);
  EXPECT_TRUE(outcome.ok());
  for (const auto& warning : outcome.plan.warnings) EXPECT_EQ(warning.find("ConnectX-3"), std::string::npos) << warning;
}

TEST_F(DriverTest, AVerifiedBundleHasNoWarningAboutItsExistence) {
  recipe.ofed.packages = {"ofed-scripts"};
  for (const auto& warning : planned().plan.warnings)
    EXPECT_EQ(warning.find("no public source confirms"), std::string::npos) << warning;
}

TEST_F(DriverTest, TheInboxDriverFitsAnInstalledKernel) {
  recipe.ofed = {};
  recipe.ofed.choice = recipe::OfedChoice::inbox;
  EXPECT_EQ(planned().plan.fit.kind, resolve::FitKind::inbox);
  EXPECT_EQ(planned().plan.fit.explanation, "the distribution's own driver comes with 5.4.0-1040-azure");
  recipe.kernel = "5.4.0-9999-azure";
  EXPECT_EQ(planned().plan.fit.kind, resolve::FitKind::refused);
}

TEST_F(DriverTest, AnAliasOfTheReleaseIsAccepted) {
  recipe.os = {"ubuntu", "focal"};
  recipe.ofed.packages = {"ofed-scripts"};
  EXPECT_EQ(planned().refusals, std::vector<plan::Refusal>{});
  recipe.os = {"ubuntu", "jammy"};
  recipe.ofed.choice = recipe::OfedChoice::inbox;
  const auto outcome = planned();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.refusals[0].problem.message, "the recipe says ubuntu 22.04, the disk has ubuntu 20.04");
}

}  // namespace
}  // namespace bake::job
