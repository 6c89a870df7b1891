#include "bake/resolve/guest_packages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bake::resolve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// The facts of a guest with these versions of the agent and of systemd.
guest::Facts guest_with(const std::string& id, const std::string& version, const std::string& agent,
                        const std::string& systemd) {
  guest::Facts facts;
  facts.os = {id, version, ""};
  facts.waagent = guest::Waagent{};
  facts.packages.packages = {{"systemd", systemd, "amd64"}};
  if (!agent.empty()) facts.packages.packages.push_back({"walinuxagent", agent, "amd64"});
  return facts;
}

GuestPackageCheck check(const guest::Facts& facts, const recipe::Recipe& recipe = {}) {
  return check_guest_packages(recipe, facts, {}, matrix::Matrix::built_in());
}

constexpr const char* needs_ib0 =
    "the image has waagent 2.7.3.0: waagent before 2.9.1.1 gives only an interface called ib0 an address when the host "
    "sends no IPoIB_Data, and udev renames the interface";

TEST(GuestPackages, TheVersionOfSystemdTellsWhetherAnOldAgentFindsIb0) {
  const auto warnings = [](const std::string& id, const std::string& version, const std::string& systemd) {
    return check(guest_with(id, version, "2.7.3.0", systemd)).warnings;
  };
  EXPECT_THAT(warnings("ubuntu", "20.04", "245.4-4ubuntu3.20"), ElementsAre(StartsWith(needs_ib0)));
  EXPECT_THAT(warnings("rhel", "9.4", "252-32.el9_4"), ElementsAre(StartsWith(needs_ib0)));
  EXPECT_THAT(warnings("ubuntu", "18.04", "237-3ubuntu10.57"), IsEmpty());
  EXPECT_THAT(warnings("centos", "7.7", "219-67.el7"), IsEmpty());
  EXPECT_THAT(warnings("centos", "8.2", "239-31.el8"), IsEmpty());
}

TEST(GuestPackages, AnOldAgentFindsIb0WhenTheKernelKeepsTheName) {
  auto facts = guest_with("ubuntu", "20.04", "2.7.3.0", "245.4-4ubuntu3.20");
  facts.default_kernel_options = "root=LABEL=x ro net.ifnames=0";
  EXPECT_THAT(check(facts).warnings, IsEmpty());
}

TEST(GuestPackages, AnAgentOfAnUnknownVersionIsAWarning) {
  auto facts = guest_with("ubuntu", "20.04", "", "245.4-4ubuntu3.20");
  EXPECT_THAT(check(facts).warnings,
              ElementsAre("the image has a waagent of an unknown version: bake cannot tell whether it configures IPoIB "
                          "(waagent 2.12.0.2 and newer do; 'waagent --version' in the base shows the version)"));
  recipe::Recipe without_rdma;
  without_rdma.configure.enable_rdma = false;
  EXPECT_THAT(check(facts, without_rdma).warnings, IsEmpty());
  facts.waagent->version = "2.12.0.2";
  EXPECT_THAT(check(facts).warnings, IsEmpty());
  facts.waagent.reset();
  EXPECT_THAT(check(facts).warnings, IsEmpty()) << "the plan warns about a missing agent";
}

TEST(GuestPackages, AnAgentThatBreaksIpoibIsAProblem) {
  const auto result = check(guest_with("ubuntu", "20.04", "2.9.1.1-0ubuntu1", "245.4-4ubuntu3.20"));
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(result.problems[0].where, "waagent 2.9.1.1");
  EXPECT_THAT(result.warnings, IsEmpty());
}

}  // namespace
}  // namespace bake::resolve
