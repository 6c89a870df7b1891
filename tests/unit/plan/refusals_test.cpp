// What makes a plan impossible: kernels, menus, drivers in the base, links, space.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/plan_inputs.hpp"

namespace bake::plan {
namespace {

TEST(Plan, RefusesAKernelThatDoesNotBoot) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.recipe.kernel = ga;
  EXPECT_TRUE(make(inputs).ok());
  inputs.facts.default_kernel = z_stream;
  const auto outcome = make(inputs);
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(outcome.refusals[0].problem.message,
            "the recipe asks for 3.10.0-1062.el7.x86_64, but 3.10.0-1062.12.1.el7.x86_64 boots by default (grubenv "
            "saved_entry)");
}

TEST(Plan, RefusesABaseWhoseDefaultKernelIsNotInstalled) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.default_kernel.clear();
  inputs.facts.default_kernel_how = "the default of GRUB is '/vmlinuz-1' (grubenv saved_entry), which is not a kernel";
  for (const std::string kernel : {"", ga}) {
    inputs.recipe.kernel = kernel;
    inputs.resolution.fit.kernel = kernel;
    const auto outcome = make(inputs);
    ASSERT_EQ(outcome.refusals.size(), 1U);
    EXPECT_EQ(outcome.refusals[0].kind, ErrorKind::incompatible);
    EXPECT_EQ(outcome.refusals[0].problem.message, inputs.facts.default_kernel_how);
    EXPECT_EQ(outcome.refusals[0].problem.hint,
              "make an installed kernel the default in the base image (grubby --set-default, or update-grub); it has "
              "3.10.0-1062.el7.x86_64");
  }
}

TEST(Plan, IncludesTheWarningsAboutTheBootLoader) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.default_kernel_warnings = {"GRUB boots another kernel once"};
  EXPECT_EQ(make(inputs).plan.warnings.front(), "GRUB boots another kernel once");
}

TEST(Plan, RefusesASecondMenuThatBootsNoKernel) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.second_menu = guest::SecondMenu{1, "/boot/grub2/grub.cfg", "", "boots the rescue entry 'x'"};
  auto outcome = make(inputs);
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(
      outcome.refusals[0].problem,
      (Problem{"/boot/grub2/grub.cfg",
               "VMs of generation 1 read this menu of GRUB, and it boots the rescue entry 'x'; "
               "3.10.0-1062.el7.x86_64 is the default of the other menu",
               "make an installed kernel the default of this menu in the base image; it has "
               "3.10.0-1062.el7.x86_64; or write hyper_v_generation: V2 below 'gallery' in the recipe if no VM of "
               "generation 1 starts from the image"}));
  inputs.resolution.vm_generations = {1};
  outcome = make(inputs);
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(outcome.refusals[0].problem.hint,
            "make an installed kernel the default of this menu in the base image; it has 3.10.0-1062.el7.x86_64");
  inputs.resolution.vm_generations = {2};
  EXPECT_TRUE(make(inputs).ok()) << "no VM reads the menu";
}

TEST(Plan, RefusesASecondMenuOfAnotherKernelOnlyIfEveryVmReadsIt) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.second_menu = guest::SecondMenu{2, "/boot/efi/EFI/centos/grub.cfg", z_stream, "boots another"};
  EXPECT_TRUE(make(inputs).ok());
  inputs.resolution.vm_generations = {1};
  EXPECT_TRUE(make(inputs).ok());
  inputs.resolution.vm_generations = {2};
  const auto outcome = make(inputs);
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(outcome.refusals[0].problem,
            (Problem{"/boot/efi/EFI/centos/grub.cfg",
                     "VMs of generation 2 read this menu of GRUB, and it boots another; 3.10.0-1062.el7.x86_64 is the "
                     "default of the other menu",
                     "make 3.10.0-1062.el7.x86_64 the default of this menu in the base image"}));
}

std::string driver_refusal(const Inputs& inputs) {
  const auto outcome = make(inputs);
  if (outcome.refusals.size() != 1) return std::to_string(outcome.refusals.size()) + " refusals";
  return outcome.refusals[0].problem.where + ": " + outcome.refusals[0].problem.message;
}

TEST(Plan, RefusesABaseWithAnotherVendorDriver) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.packages.packages.push_back({"mlnx-ofa_kernel", "4.7-OFED.4.7.3.2.9.1.rhel7u7", "x86_64"});
  auto& changes = inputs.resolution.closure.changes;
  const auto base =
      std::find_if(changes.begin(), changes.end(), [](auto& each) { return each.name == "mlnx-ofa_kernel"; });
  base->action = PackageChange::Action::upgrade;
  EXPECT_EQ(driver_refusal(inputs),
            "driver: the base already has an RDMA driver of NVIDIA (mlnx-ofa_kernel 4.7-OFED.4.7.3.2.9.1.rhel7u7); "
            "MLNX_OFED 5.5-1.0.3.2 would not replace it completely");
  inputs.resolution.choice.inbox = true;
  changes.clear();
  EXPECT_EQ(driver_refusal(inputs),
            "driver: the base already has an RDMA driver of NVIDIA (mlnx-ofa_kernel 4.7-OFED.4.7.3.2.9.1.rhel7u7); "
            "the inbox driver would not replace it completely");
}

TEST(Plan, RefusesABaseWithTheSameVendorDriver) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  for (const auto& change : inputs.resolution.closure.changes)
    inputs.facts.packages.packages.push_back({change.name, change.version, change.arch});
  inputs.resolution.closure.changes.clear();
  EXPECT_EQ(driver_refusal(inputs),
            "driver: the base already has the driver of MLNX_OFED 5.5-1.0.3.2 (kmod-mlnx-ofa_kernel "
            "5.5-OFED.5.5.1.0.3.1.rhel7u7): bake has no module to inject");
}

TEST(Plan, RefusesALinkInThePlaceOfAFileThatItEdits) {
  auto inputs = inputs_for(centos(z_stream), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  for (const std::string path : {"/etc/waagent.conf", "/etc/yum.conf", "/etc/infiniband/openib.conf"}) {
    inputs.facts.config_links = {{path, "/root/x", false}};
    const auto outcome = make(inputs);
    ASSERT_EQ(outcome.refusals.size(), 1U) << path;
    EXPECT_EQ(outcome.refusals[0].kind, ErrorKind::incompatible);
    EXPECT_EQ(outcome.refusals[0].problem.where, path);
    EXPECT_EQ(outcome.refusals[0].problem.message,
              "it is a link to '/root/x', and bake follows only a link to a file of the same name below /etc");
    EXPECT_EQ(outcome.refusals[0].problem.hint, "replace the link with a file in the base");
  }
  inputs.facts.config_links = {{"/etc/waagent.conf", "", false}};
  EXPECT_EQ(make(inputs).refusals.at(0).problem.message,
            "the same file has other names (hard links), and bake follows only a link to a file of the same name below "
            "/etc");
  inputs.facts.config_links = {{"/etc/yum.conf", "dnf/dnf.conf", true}};
  EXPECT_TRUE(make(inputs).ok());
  inputs.facts.config_links = {{"/etc/waagent.conf", "/root/x", false}, {"/etc/initramfs-tools/modules", "/x", false}};
  inputs.recipe.configure.enable_rdma = false;
  EXPECT_TRUE(make(inputs).ok()) << "the plan edits neither of these files";
}

TEST(Plan, RefusesALinkInThePlaceOfAFileThatGeneralizeEdits) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.recipe.generalize = true;
  inputs.facts.machine.files = {{"/etc/hosts", "host name", guest::MachineFile::Treatment::edit}};
  inputs.facts.config_links = {{"/etc/hosts", "/usr/hosts", false}};
  const auto outcome = make(inputs);
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(outcome.refusals[0].problem.where, "/etc/hosts");
}

TEST(Plan, NamesAllReasonsTogether) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.arch = "aarch64";
  inputs.resolution.bundle->distro = "rhel7.6";
  inputs.resolution.closure.problems = {{"opensm", "nothing provides tcl", ""}, {"mft", "nothing provides tk", ""}};
  inputs.facts.layout.mounts[1].free = 10 << 20;
  std::vector<std::string> where;
  for (const auto& refusal : make(inputs).refusals) where.push_back(refusal.problem.where);
  EXPECT_EQ(where, (std::vector<std::string>{"arch", "bundle", "bundle", "opensm", "mft", "space"}));
}

TEST(Plan, NamesOnlyTheSystemIfTheRecipeIsForAnother) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.recipe.os = {"centos", "7.6"};
  inputs.recipe.kernel = z_stream;
  inputs.resolution.fit.kernel = z_stream;
  inputs.resolution.closure.problems = {{"opensm", "nothing provides tcl", ""}};
  const auto outcome = make(inputs);
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(outcome.refusals[0].problem.message, "the recipe says centos 7.6, the disk has centos 7.7");
}

TEST(Plan, NamesOnlyTheKernelIfTheRecipeAsksForAnother) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.recipe.kernel = "9.9";
  inputs.resolution.fit.kernel = "9.9";
  inputs.resolution.closure.problems = {{"opensm", "nothing provides tcl", ""}};
  const auto outcome = make(inputs);
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(outcome.refusals[0].problem.message, "kernel '9.9' is not in the guest");
}

TEST(Plan, LackOfSpaceAloneIsAnEnvironmentError) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.layout.mounts[0].free = 50 << 20;
  const auto outcome = make(inputs);
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(outcome.refusals[0].kind, ErrorKind::environment);
  EXPECT_EQ(outcome.refusals[0].problem.message, "the guest's file system on / has 50 MiB free and needs 174 MiB");
  EXPECT_THROW(require(outcome), Error);
}

}  // namespace
}  // namespace bake::plan
