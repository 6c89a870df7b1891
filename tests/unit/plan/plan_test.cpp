#include "bake/plan/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/plan/files.hpp"
#include "tests/support/plan_inputs.hpp"

namespace bake::plan {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;

TEST(PlanGolden, GaKernel) {
  expect_plan("plan-ga-kernel.json", inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols));
}

TEST(PlanGolden, ZStreamKernelWithEqualCrcs) {
  expect_plan("plan-zstream-equal.json",
              inputs_for(centos(z_stream), rpm_repository(), PackageFormat::rpm, &kernel_symbols));
}

TEST(PlanGolden, ZStreamKernelWithChangedCrcsIsRefused) {
  const Symvers changed{{"pci_enable_device", 0x1111}, {"netif_rx", 0x9999}};
  expect_plan("plan-zstream-changed.json",
              inputs_for(centos(z_stream), rpm_repository(), PackageFormat::rpm, &changed));
}

TEST(PlanGolden, BuiltInDriverIsRefused) {
  auto facts = ubuntu("4.15.0-1041-azure");
  facts.kernels[0].builtin_rdma = {"mlx4_core", "mlx5_core"};
  expect_plan("plan-built-in.json", inputs_for(facts, deb_repository(false), PackageFormat::deb, nullptr));
}

TEST(PlanGolden, DkmsWithoutHeadersIsRefused) {
  auto facts = ubuntu(azure);
  facts.programs.insert({"gcc", "make", "dkms"});
  expect_plan("plan-dkms-no-headers.json", inputs_for(facts, deb_repository(false), PackageFormat::deb, nullptr));
}

TEST(PlanGolden, PrebuiltModules) {
  expect_plan("plan-prebuilt.json", inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr));
}

TEST(PlanGolden, Inbox) {
  auto inputs = inputs_for(centos(z_stream), rpm_repository(), PackageFormat::rpm, nullptr);
  inputs.resolution.choice = {};
  inputs.resolution.choice.inbox = true;
  inputs.resolution.choice.distro = "rhel7.7";
  inputs.resolution.choice.driver = "mlx5_core";
  inputs.resolution.bundle.reset();
  inputs.resolution.wanted = {"rdma-core"};
  inputs.resolution.closure = {};
  inputs.resolution.fit = {resolve::FitKind::inbox, z_stream, "", "the distribution's own driver", {}, "", {}};
  expect_plan("plan-inbox.json", inputs);
}

TEST(Plan, EnablesTheServiceOfInboxRdmaOnlyWhereRdmaCoreHasIt) {
  auto inputs = inputs_for(centos(z_stream), rpm_repository(), PackageFormat::rpm, nullptr);
  inputs.resolution.choice.inbox = true;
  inputs.recipe.firstboot.install = false;
  inputs.resolution.closure = {};
  const auto services = [&](const std::string& name, const std::string& version) {
    inputs.facts.packages.packages = {{name, version, "x86_64"}};
    return make(inputs).plan.enable_services;
  };
  using Services = std::vector<std::string>;
  EXPECT_EQ(services("rdma", "7.2_4.1_rc6-1.el7"), Services{"rdma.service"});
  EXPECT_EQ(services("rdma-core", "22.4-5.el7"), Services{"rdma.service"});
  EXPECT_EQ(services("rdma-core", "29.0-3.el8"), Services{"rdma.service"});
  EXPECT_EQ(services("rdma-core", "32.0-4.el8"), Services{});
  EXPECT_EQ(services("rdma-core", "48.0-1.el8"), Services{});
  inputs.resolution.closure.changes = {
      {PackageChange::Action::install, "rdma-core", "48.0-1.el8", "x86_64", "", "x.rpm", 1, "wanted"}};
  EXPECT_EQ(services("bash", "4.4.20-1.el8"), Services{});
}

TEST(Plan, InstallsTheLateUnitOnlyWhenTheRecipeSaysSo) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  const std::string late = "ib-firstboot-late.service";
  const auto files = [&] {
    std::map<std::string, std::string> found;
    for (const auto& file : files_of(make(inputs).plan)) found[file.path] = file.what;
    return found;
  };
  EXPECT_THAT(make(inputs).plan.expectations.services, Not(Contains(late)));
  EXPECT_FALSE(files().contains("/etc/systemd/system/" + late));
  EXPECT_EQ(files().at("/etc/ib-firstboot.conf"), "says what ib-firstboot expects");
  inputs.recipe.firstboot.late = inputs.recipe.firstboot.strict_rate = true;
  EXPECT_THAT(make(inputs).plan.expectations.services, Contains(late));
  EXPECT_TRUE(make(inputs).plan.expectations.firstboot_strict_rate);
  EXPECT_EQ(files().at("/etc/systemd/system/" + late), "warns when an IPoIB interface has no address");
  EXPECT_EQ(files().at("/etc/ib-firstboot.conf"), "says what ib-firstboot expects; STRICT_RATE=1");
  inputs.recipe.firstboot.install = false;
  EXPECT_THAT(make(inputs).plan.enable_services, Not(Contains(late)));
  EXPECT_FALSE(make(inputs).plan.expectations.firstboot_strict_rate);
}

TEST(Plan, WarnsWhenTheImageCannotConfigureIpoib) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.programs.erase("ifconfig");
  inputs.resolution.agent_warnings = {"agent 2.9.1.1 configures no address"};
  EXPECT_THAT(
      make(inputs).plan.warnings,
      ElementsAre(HasSubstr("Secure Boot"), "the agent configures IPoIB with ifconfig, but the image has no net-tools",
                  "agent 2.9.1.1 configures no address"));
}

TEST(Plan, WarnsAboutModulesOfTheBaseThatTheDriverBreaks) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.kernels[0].rdma_users = {"ko2iblnd", "mgc"};
  const std::string warning =
      "the base has modules that use the kernel's own RDMA modules, which the driver replaces: ko2iblnd, mgc; build "
      "them again for the driver, or they will not load";
  EXPECT_THAT(make(inputs).plan.warnings, Contains(warning));
  inputs.resolution.fit.kind = resolve::FitKind::user_space_only;
  EXPECT_THAT(make(inputs).plan.warnings, Not(Contains(warning)));
}

TEST(Plan, HoldsForEveryPackageManagerOfTheGuest) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.programs.insert("dnf");
  inputs.facts.package_manager_configs = {"/etc/yum.conf", "/etc/dnf/dnf.conf"};
  const Hold hold{{"/etc/yum.conf", "/etc/dnf/dnf.conf"},
                  {"kernel", "kernel-core", "kernel-modules*", "kernel-rt*", "kernel-uki*", "kmod-*",
                   "kmod-mlnx-ofa_kernel", "mlnx-ofa_kernel"}};
  EXPECT_EQ(make(inputs).plan.hold, hold);
  EXPECT_EQ(make(inputs).plan.expectations.hold, hold);
  EXPECT_THAT(to_text(make(inputs)),
              HasSubstr("  hold kernel kernel-core kernel-modules* kernel-rt* kernel-uki* kmod-* kmod-mlnx-ofa_kernel "
                        "mlnx-ofa_kernel (/etc/yum.conf, /etc/dnf/dnf.conf)\n"));
}

TEST(Plan, HoldsEveryPackageThatBringsAnotherKernelOfUbuntu) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  inputs.recipe.configure.hold_rdma = false;
  auto& packages = inputs.facts.packages.packages;
  packages.clear();
  const std::vector<std::string> kernels{"linux-azure",
                                         "linux-azure-5.4-headers-5.4.0-1055",
                                         "linux-generic-hwe-18.04",
                                         "linux-headers-azure",
                                         "linux-hwe-tools-4.15.0-176",
                                         "linux-image-5.4.0-1040-azure",
                                         "linux-image-azure",
                                         "linux-image-unsigned-5.4.0-1055-azure",
                                         "linux-kvm",
                                         "linux-lowlatency-hwe-18.04",
                                         "linux-modules-5.4.0-1055-azure",
                                         "linux-modules-extra-azure",
                                         "linux-signed-azure",
                                         "linux-signed-generic",
                                         "linux-signed-image-azure"};
  for (const auto& name : kernels) packages.push_back({name, "1", "amd64"});
  for (const std::string name : {"linux-base", "linux-firmware", "linux-libc-dev", "util-linux"})
    packages.push_back({name, "1", "amd64"});
  EXPECT_EQ(make(inputs).plan.hold.packages, kernels);
}

TEST(Plan, ShowsEveryFileThatIsWritten) {
  auto inputs = inputs_for(centos(z_stream), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.facts.kernels[0].ib_core_users = {"kernel/drivers/infiniband/ulp/iser/ib_iser.ko.xz",
                                           "kernel/drivers/infiniband/ulp/srp/ib_srp.ko.xz"};
  const auto text = to_text(make(inputs));
  for (const std::string line :
       {"/etc/infiniband/openib.conf  FORCE_MODE=yes", "/etc/waagent.conf  OS.EnableRDMA=y",
        "/etc/modprobe.d/bake-inbox-rdma.conf  blacklists modules that the driver does not replace: ib_iser, ib_srp",
        "/etc/security/limits.d/90-bake-rdma.conf  unlimited locked memory in sessions",
        "/etc/systemd/system.conf.d/90-bake-rdma.conf  unlimited locked memory in services",
        "/etc/systemd/system/openibd.service.d/10-udev-settle.conf  openibd waits for udev"})
    EXPECT_THAT(text, HasSubstr("  " + line + "\n"));
}

/// Returns the units that the plan disables when it installs these packages.
std::vector<std::string> disabled_with(Inputs inputs, const std::vector<std::string>& packages) {
  for (const auto& name : packages)
    inputs.resolution.closure.changes.push_back(
        {PackageChange::Action::install, name, "55mlnx37-1", "amd64", "", name + ".deb", 0, "wanted"});
  const auto plan = make(inputs).plan;
  EXPECT_EQ(plan.expectations.services_off, plan.disable_services);
  return plan.disable_services;
}

TEST(Plan, DisablesServicesThatThePackagesOfAProfileEnable) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  EXPECT_THAT(disabled_with(inputs, {}), IsEmpty());
  EXPECT_THAT(disabled_with(inputs, {"ibacm", "srptools", "opensm"}),
              ElementsAre("opensm.service", "opensmd.service", "ibacm.service", "ibacm.socket", "srp_daemon.service",
                          "srptools.service"));
  EXPECT_THAT(disabled_with(inputs, {"srp_daemon"}), ElementsAre("srp_daemon.service"));
}

TEST(Plan, LeavesServicesOfTheBaseAndOfAPackageListEnabled) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  auto listed = inputs;
  listed.recipe.ofed.packages = {"ibacm"};
  EXPECT_THAT(disabled_with(listed, {"ibacm"}), IsEmpty());
  inputs.facts.packages.packages.push_back({"ibacm", "28.0-1ubuntu1", "amd64"});
  EXPECT_THAT(disabled_with(inputs, {"ibacm", "srptools"}), ElementsAre("srp_daemon.service", "srptools.service"));
}

TEST(Plan, BlacklistsTheKernelsOwnUsersOfIbCore) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  EXPECT_THAT(make(inputs).plan.blacklist, IsEmpty());
  inputs.facts.kernels[0].ib_core_users = {
      "kernel/drivers/infiniband/core/ib_uverbs.ko",  "kernel/drivers/infiniband/hw/mana/mana_ib.ko",
      "kernel/drivers/infiniband/hw/mlx5/mlx5_ib.ko", "kernel/drivers/infiniband/ulp/ipoib/ib_ipoib.ko",
      "kernel/drivers/nvme/host/nvme-rdma.ko",        "kernel/fs/cifs/cifs.ko",
      "kernel/net/sunrpc/xprtrdma/rpcrdma.ko"};
  const auto plan = make(inputs).plan;
  EXPECT_THAT(plan.blacklist, ElementsAre("mana_ib", "nvme_rdma", "rpcrdma"));
  EXPECT_THAT(plan.warnings, Contains("the kernel's own cifs uses ib_core, which the driver replaces: mount or load it "
                                      "once on a VM of this image"));
  inputs.resolution.fit.kind = resolve::FitKind::inbox;
  EXPECT_THAT(make(inputs).plan.blacklist, IsEmpty());
}

TEST(Plan, CountsSpaceForEveryMountPoint) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  inputs.resolution.install_bytes = {{"/opt", 200 << 20}, {"/usr", 100 << 20}};
  inputs.facts.layout.mounts.push_back({"/dev/rootvg/usrlv", "xfs", "/usr", 10ULL << 30, 5ULL << 30, ""});
  inputs.facts.layout.mounts.push_back({"/dev/rootvg/optlv", "xfs", "/opt", 2ULL << 30, 50 << 20, ""});
  auto outcome = make(inputs);
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(outcome.refusals[0].problem.message, "the guest's file system on /opt has 50 MiB free and needs 220 MiB");
  inputs.facts.layout.mounts[2].free = 60 << 20;
  inputs.facts.layout.mounts[3].free = 300 << 20;
  outcome = make(inputs);
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(outcome.refusals[0].problem.message, "the guest's file system on /usr has 60 MiB free and needs 110 MiB");
}

/// "MOUNT_POINT MIB" of every file system that the plan needs space on.
std::vector<std::string> space_needs(const Inputs& inputs) {
  std::vector<std::string> needs;
  for (const auto& need : make(inputs).plan.space)
    needs.push_back(need.mount_point + " " + std::to_string(need.needed >> 20U));
  return needs;
}

TEST(Plan, CountsTemporaryFilesOnSeparateFileSystems) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  EXPECT_THAT(space_needs(inputs), ElementsAre("/ 174", "/boot 96"));
  inputs.facts.layout.mounts.push_back({"/dev/rootvg/varlv", "xfs", "/var", 8ULL << 30, 5ULL << 30, ""});
  EXPECT_THAT(space_needs(inputs), ElementsAre("/ 110", "/boot 96", "/var 64"));
  inputs.facts.layout.mounts.push_back({"/dev/rootvg/vartmplv", "xfs", "/var/tmp", 1ULL << 30, 200 << 20, ""});
  inputs.facts.layout.mounts.push_back({"/dev/rootvg/tmplv", "xfs", "/tmp", 1ULL << 30, 500 << 20, ""});
  EXPECT_THAT(space_needs(inputs), ElementsAre("/ 110", "/boot 96", "/var 64", "/var/tmp 300"));
  const auto outcome = make(inputs);
  ASSERT_EQ(outcome.refusals.size(), 1U);
  EXPECT_EQ(outcome.refusals[0].problem.message,
            "the guest's file system on /var/tmp has 200 MiB free and needs 300 MiB");
  inputs.resolution.fit.kind = resolve::FitKind::needs_build;
  EXPECT_THAT(space_needs(inputs), ElementsAre("/ 174", "/boot 96", "/tmp 64", "/var 664", "/var/tmp 300"));
}

TEST(Plan, LabelsAtTheFirstBootWithAWarningWhenSetfilesIsMissing) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  EXPECT_EQ(make(inputs).plan.relabel, Relabel::setfiles);
  inputs.facts.selinux.has_setfiles = false;
  const auto plan = make(inputs).plan;
  EXPECT_EQ(plan.relabel, Relabel::autorelabel);
  EXPECT_THAT(plan.warnings,
              ElementsAre(HasSubstr("Secure Boot"), StartsWith("SELinux is enforcing and the guest has no setfiles")));
}

TEST(Plan, ResetsCustomizedTypesOnRequest) {
  auto inputs = inputs_for(centos(ga), rpm_repository(), PackageFormat::rpm, &kernel_symbols);
  const auto labels = [&] { return to_json(make(inputs)).at("configure").at("selinux_labels").get<std::string>(); };
  EXPECT_EQ(labels(), "setfiles");
  inputs.recipe.configure.reset_labels = true;
  EXPECT_EQ(labels(), "setfiles -F");
  EXPECT_THAT(to_text(make(inputs)), HasSubstr("  set the SELinux labels of all files with setfiles -F, also those of "
                                               "customized types, or with /.autorelabel "
                                               "if it fails\n"));
  inputs.facts.selinux.has_setfiles = false;
  EXPECT_EQ(labels(), "autorelabel -F");
  inputs.facts.selinux.mode = "disabled";
  EXPECT_EQ(labels(), "none");
}

TEST(Plan, WarnsThatSecureBootRefusesTheModules) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  const auto warnings = [&](resolve::FitKind kind) {
    inputs.resolution.fit = {kind, azure, "", "", {}, "", {}};
    return make(inputs).plan.warnings;
  };
  const std::string without =
      ": deploy the image without Secure Boot (Trusted Launch), because the kernel refuses them with it";
  EXPECT_THAT(warnings(resolve::FitKind::needs_build),
              ElementsAre("the modules that are built in the image are not signed" + without));
  const auto vendor = "the firmware does not know the signing key of the driver's modules" + without;
  EXPECT_THAT(warnings(resolve::FitKind::built_for), ElementsAre(vendor));
  EXPECT_THAT(warnings(resolve::FitKind::weak_updates), ElementsAre(vendor));
  EXPECT_THAT(warnings(resolve::FitKind::user_space_only), IsEmpty());
}

TEST(Plan, ABuildSignsNoModule) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  inputs.facts.programs.insert({"kmodsign", "update-secureboot-policy"});
  inputs.resolution.fit = {resolve::FitKind::built_for, azure, "", "", {}, "", {}};
  EXPECT_THAT(make(inputs).plan.deferred, Not(Contains("kmodsign")));
  inputs.resolution.fit = {resolve::FitKind::needs_build, azure, "", "", {}, "", {}};
  EXPECT_THAT(make(inputs).plan.deferred, IsSupersetOf({"kmodsign", "update-secureboot-policy"}));
}

}  // namespace
}  // namespace bake::plan
