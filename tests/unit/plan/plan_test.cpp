#include "bake/plan/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include "bake/plan/files.hpp"
#include "tests/support/golden.hpp"

namespace bake::plan {
namespace {

using bundle::BundlePackage;
using bundle::PackageFormat;
using bundle::Repository;
using guest::Facts;
using guest::Family;
using guest::ModuleFacts;
using resolve::PackageChange;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;
using Symvers = std::map<std::string, std::uint32_t>;

constexpr const char* ga = "3.10.0-1062.el7.x86_64";
constexpr const char* z_stream = "3.10.0-1062.12.1.el7.x86_64";
constexpr const char* azure = "5.4.0-1040-azure";

Facts centos(const std::string& kernel) {
  Facts facts;
  facts.os = {"centos", "7.7", "CentOS Linux 7 (Core)"};
  facts.arch = "x86_64";
  facts.kernels = {{kernel,
                    "/boot/vmlinuz-" + kernel,
                    "/boot/initramfs-" + kernel + ".img",
                    std::nullopt,
                    "/boot/symvers-" + kernel + ".gz",
                    std::nullopt,
                    {},
                    false}};
  facts.default_kernel = kernel;
  facts.default_kernel_how = "grubenv saved_entry";
  facts.packages = {"rpm-bdb", {{"rdma-core", "17.2-3.el7", "x86_64"}}, "", ""};
  facts.initramfs_tool = guest::InitramfsTool::dracut;
  facts.selinux = {"enforcing", "targeted", "/etc/selinux/targeted/contexts/files/file_contexts", true};
  facts.waagent = guest::Waagent{"2.2.46", "/etc/waagent.conf", false, "waagent.service"};
  facts.layout = {"gpt",
                  true,
                  true,
                  {{"/dev/rootvg/rootlv", "xfs", "/", 30ULL << 30, 20ULL << 30, ""},
                   {"/dev/sda2", "xfs", "/boot", 500ULL << 20, 300ULL << 20, ""}}};
  facts.programs = {"ifconfig", "yum", "dracut", "depmod", "setfiles"};
  return facts;
}

Facts ubuntu(const std::string& kernel) {
  Facts facts;
  facts.os = {"ubuntu", "20.04", "Ubuntu 20.04.6 LTS"};
  facts.family = Family::deb;
  facts.arch = "x86_64";
  facts.kernels = {{kernel,
                    "/boot/vmlinuz-" + kernel,
                    "/boot/initrd.img-" + kernel,
                    "/boot/config-" + kernel,
                    std::nullopt,
                    std::nullopt,
                    {},
                    false}};
  facts.default_kernel = kernel;
  facts.default_kernel_how = "first entry of /boot/grub/grub.cfg";
  facts.packages = {
      "dpkg", {{"linux-azure", "5.4.0.1040.38", "amd64"}, {"linux-image-" + kernel, "5.4.0-1040.42", "amd64"}}, "", ""};
  facts.initramfs_tool = guest::InitramfsTool::initramfs_tools;
  facts.waagent = guest::Waagent{"2.2.46", "/etc/waagent.conf", false, "walinuxagent.service"};
  facts.layout = {"gpt", false, true, {{"/dev/sda1", "ext4", "/", 30ULL << 30, 20ULL << 30, ""}}};
  facts.programs = {"ifconfig", "dpkg", "apt-mark", "update-initramfs", "depmod"};
  return facts;
}

ModuleFacts mlx5(const std::string& directory, const std::string& kernel, const Symvers& imports) {
  return {"mlx5_core", "/lib/modules/" + kernel + directory + "/mlx5_core.ko",
          "5.5-1.0.3", kernel + " SMP mod_unload modversions ",
          imports,     {}};
}

const Symvers kernel_symbols{{"pci_enable_device", 0x1111}, {"netif_rx", 0x2222}};

Repository rpm_repository() {
  BundlePackage kmod{
      "kmod-mlnx-ofa_kernel", "5.5-OFED.5.5.1.0.3.1.rhel7u7", "x86_64", "RPMS/kmod.rpm", 1000, 5000, "", {}, ga, false};
  kmod.modules = {mlx5("/extra/mlnx-ofa_kernel", ga, kernel_symbols)};
  const BundlePackage base{
      "mlnx-ofa_kernel", "5.5-OFED.5.5.1.0.3.1.rhel7u7", "x86_64", "RPMS/base.rpm", 100, 500, "", {}, "", false};
  return {"flat", "RPMS", true, {kmod, base}};
}

Repository deb_repository(bool prebuilt) {
  BundlePackage kernel_part{
      "mlnx-ofed-kernel-dkms", "5.5-OFED.5.5.1.0.3.1", "all", "DEBS/dkms.deb", 1000, 5000, "", {}, "", true};
  if (prebuilt) {
    kernel_part = {"mlnx-ofed-kernel-modules",
                   "5.5-OFED.5.5.1.0.3.1.kver.5.4.0-1040-azure",
                   "amd64",
                   "DEBS/modules.deb",
                   1000,
                   5000,
                   "",
                   {},
                   azure,
                   false};
    kernel_part.modules = {mlx5("/updates/dkms", azure, kernel_symbols)};
  }
  const BundlePackage utils{
      "mlnx-ofed-kernel-utils", "5.5-OFED.5.5.1.0.3.1", "amd64", "DEBS/utils.deb", 100, 500, "", {}, "", false};
  return {"flat", "DEBS", true, {kernel_part, utils}};
}

Inputs inputs_for(Facts facts, const Repository& repository, PackageFormat format, const Symvers* symvers) {
  for (auto& kernel : facts.kernels) {
    if (symvers != nullptr) kernel.symbol_versions = *symvers;
    if (symvers == nullptr) kernel.symvers.reset();
  }
  Inputs inputs;
  inputs.recipe.name = "example";
  inputs.recipe.os = {facts.os.id, facts.os.version};
  inputs.recipe.vm_sizes = {"Standard_HB120rs_v2"};
  inputs.facts = facts;
  inputs.resolution.choice.ofed = "5.5-1.0.3.2";
  inputs.resolution.choice.distro = facts.family == Family::rpm ? "rhel7.7" : "ubuntu20.04";
  inputs.resolution.choice.driver = "mlx5_core";
  inputs.resolution.bundle =
      resolve::BundleIdentity{"MLNX_OFED_LINUX-5.5-1.0.3.2-" + inputs.resolution.choice.distro + "-x86_64",
                              std::string(64, 'a'),
                              "5.5-1.0.3.2",
                              inputs.resolution.choice.distro,
                              "x86_64",
                              repository.directory};
  for (const auto& package : repository.packages) {
    inputs.resolution.wanted.push_back(package.name);
    inputs.resolution.closure.changes.push_back(
        {PackageChange::Action::install, package.name, package.version, package.arch, "", package.file, 0, "wanted"});
  }
  inputs.resolution.fit =
      resolve::decide_fit(facts, facts.default_kernel, repository, format, inputs.resolution.wanted, {});
  inputs.resolution.new_modules = resolve::new_modules(repository, inputs.resolution.wanted, {});
  inputs.resolution.module_version = "5.5-1.0.3";
  inputs.resolution.install_bytes = {{"/usr", 100 << 20}};
  inputs.firstboot_sha256 = std::string(64, 'f');
  return inputs;
}

void expect_plan(const std::string& golden, const Inputs& inputs) {
  testing::expect_golden(golden, to_json(make(inputs)).dump(2) + "\n");
}

/// Facts of a guest whose kernel has hv_storvsc and nvme as modules and whose initramfs contains `modules`.
Facts with_initramfs(const std::vector<std::string>& modules) {
  auto facts = centos(ga);
  facts.kernels[0].azure_drivers = {"hv_storvsc", "nvme"};
  auto& content = facts.kernels[0].initramfs_content.emplace();
  for (const auto& module : modules) content.modules.push_back("lib/modules/" + std::string(ga) + "/kernel/" + module);
  content.has_root = true;
  return facts;
}

/// "rebuild: reason" or "keep: reason" for an initramfs with `modules` and a bundle whose packages are `repository`.
std::string initramfs_plan(const std::vector<std::string>& modules, bool readable = true,
                           const Repository& repository = rpm_repository()) {
  auto facts = with_initramfs(modules);
  if (!readable) {
    facts.kernels[0].initramfs_content.reset();
    facts.kernels[0].initramfs_trouble = "reading initramfs '/boot/initramfs.img': it is truncated";
  }
  const auto plan = make(inputs_for(facts, repository, PackageFormat::rpm, &kernel_symbols)).plan;
  EXPECT_EQ(plan.initramfs, std::string("/boot/initramfs-") + ga + ".img");
  EXPECT_EQ(plan.expectations.initramfs_drivers, plan.initramfs_drivers);
  EXPECT_EQ(plan.initramfs_drivers, facts.kernels[0].azure_drivers);
  EXPECT_TRUE(plan.expectations.initramfs) << "a kept initramfs is verified too";
  return (plan.rebuild_initramfs ? "rebuild: " : "keep: ") + plan.initramfs_reason;
}

TEST(PlanInitramfs, IsRebuiltOnlyWhenItMust) {
  EXPECT_EQ(initramfs_plan({"hv_storvsc.ko.xz", "nvme.ko.xz", "xfs.ko.xz"}),
            "keep: it has the drivers for Azure, and no module that the driver replaces");
  EXPECT_EQ(initramfs_plan({"hv_storvsc.ko.xz", "nvme.ko.xz", "net/mlx5_core.ko.xz"}),
            "rebuild: it contains mlx5_core, which the driver replaces");
  EXPECT_EQ(initramfs_plan({"hv_storvsc.ko.xz", "xfs.ko.xz"}), "rebuild: it lacks nvme");
  EXPECT_EQ(initramfs_plan({}), "rebuild: it contains no module");
  EXPECT_EQ(initramfs_plan({}, false), "rebuild: reading initramfs '/boot/initramfs.img': it is truncated");
}

// MLNX_OFED built with NVMe over Fabrics has nvme.ko and nvme-core.ko.
TEST(PlanInitramfs, IsRebuiltForEveryModuleThatThePackagesBring) {
  auto repository = rpm_repository();
  auto nvme = mlx5("/extra/mlnx-nvme/host", ga, {});
  nvme.name = "nvme-core";
  nvme.imports = kernel_symbols;
  repository.packages[0].modules.push_back(nvme);
  const std::vector<std::string> modules{"hv_storvsc.ko.xz", "nvme/nvme.ko.xz", "nvme/nvme-core.ko.xz"};
  EXPECT_EQ(initramfs_plan(modules, true, repository), "rebuild: it contains nvme_core, which the driver replaces");
  EXPECT_EQ(initramfs_plan(modules), "keep: it has the drivers for Azure, and no module that the driver replaces");
  // The bundle has no mlx4_core, so the image keeps the kernel's own too.
  EXPECT_EQ(initramfs_plan({"hv_storvsc.ko.xz", "nvme.ko.xz", "net/mlx4_core.ko.xz"}),
            "keep: it has the drivers for Azure, and no module that the driver replaces");
}

TEST(PlanInitramfs, LeavesModulesOutWhenThatIsEnough) {
  auto facts =
      with_initramfs({"hv_storvsc.ko.xz", "nvme.ko.xz", "net/mlx5_core.ko.xz", "nvme-rdma.ko.xz", "cifs.ko.xz"});
  facts.programs.insert("depmod");
  auto& kernel = facts.kernels[0];
  kernel.ib_core_users = {"kernel/drivers/nvme/host/nvme-rdma.ko.xz",
                          "kernel/drivers/infiniband/ulp/iser/ib_iser.ko.xz", "kernel/fs/cifs/cifs.ko.xz"};
  kernel.initramfs_content->resolved = {{"nvme", "lib/modules/x/nvme.ko.xz"}};
  const auto left_out = [&](const Repository& repository = rpm_repository()) {
    return make(inputs_for(facts, repository, PackageFormat::rpm, &kernel_symbols)).plan.initramfs_leaves_out;
  };
  EXPECT_THAT(left_out(), ElementsAre("mlx5_core", "nvme_rdma"));
  EXPECT_THAT(
      to_text(make(inputs_for(facts, rpm_repository(), PackageFormat::rpm, &kernel_symbols))),
      HasSubstr("leave 2 modules out of /boot/initramfs-3.10.0-1062.el7.x86_64.img: it contains mlx5_core, which "
                "the driver replaces\n"));
  // A driver of the disk that the bundle replaces must be in it.
  auto repository = rpm_repository();
  auto nvme = mlx5("/extra/mlnx-nvme/host", ga, {});
  nvme.name = "nvme";
  nvme.imports = kernel_symbols;
  repository.packages[0].modules.push_back(nvme);
  EXPECT_THAT(left_out(repository), IsEmpty());
  facts.programs.erase("depmod");
  EXPECT_THAT(left_out(), IsEmpty());
  facts.programs.insert("depmod");
  kernel.azure_drivers.push_back("pci_hyperv");
  const auto plan = make(inputs_for(facts, rpm_repository(), PackageFormat::rpm, &kernel_symbols)).plan;
  EXPECT_THAT(plan.initramfs_leaves_out, ElementsAre("mlx5_core", "nvme_rdma"));
  EXPECT_THAT(plan.initramfs_adds, ElementsAre("pci_hyperv"));
  EXPECT_EQ(files_of(plan).back().path, plan.initramfs);
  EXPECT_EQ(files_of(plan).back().what, "without 2 modules, with pci_hyperv");
  EXPECT_THAT(to_text(make(inputs_for(facts, rpm_repository(), PackageFormat::rpm, &kernel_symbols))),
              HasSubstr("leave 2 modules out of and add pci_hyperv to /boot/initramfs-3.10.0-1062.el7.x86_64.img: it "
                        "lacks pci_hyperv\n"));
}

TEST(PlanInitramfs, IsRebuiltWhenTheNewModulesAreNotKnown) {
  auto inputs = inputs_for(with_initramfs({"hv_storvsc.ko.xz", "nvme.ko.xz"}), rpm_repository(), PackageFormat::rpm,
                           &kernel_symbols);
  inputs.resolution.new_modules.unreadable = {"kmod-lustre", "mlnx-nvme-dkms"};
  EXPECT_EQ(make(inputs).plan.initramfs_reason, "it may contain a module that kmod-lustre or mlnx-nvme-dkms replaces");
  EXPECT_TRUE(make(inputs).plan.rebuild_initramfs);
}

TEST(PlanGolden, KeptInitramfs) {
  const auto inputs = inputs_for(with_initramfs({"hv_storvsc.ko.xz", "nvme.ko.xz", "xfs.ko.xz"}), rpm_repository(),
                                 PackageFormat::rpm, &kernel_symbols);
  expect_plan("plan-kept-initramfs.json", inputs);
  EXPECT_THAT(
      to_text(make(inputs)),
      HasSubstr("  keep /boot/initramfs-3.10.0-1062.el7.x86_64.img: it has the drivers for Azure, and no module "
                "that the driver replaces\n"));
}

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
            "driver: the base already has an MLNX_OFED driver (mlnx-ofa_kernel 4.7-OFED.4.7.3.2.9.1.rhel7u7), which "
            "5.5-1.0.3.2 would not replace completely");
  inputs.resolution.choice.inbox = true;
  changes.clear();
  EXPECT_EQ(driver_refusal(inputs),
            "driver: the base already has an MLNX_OFED driver (mlnx-ofa_kernel 4.7-OFED.4.7.3.2.9.1.rhel7u7), which "
            "the inbox driver would not replace completely");
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
  inputs.recipe.os = {"centos", "7.6"};
  inputs.facts.arch = "aarch64";
  inputs.resolution.bundle->distro = "rhel7.6";
  inputs.resolution.closure.problems = {{"opensm", "nothing provides tcl", ""}, {"mft", "nothing provides tk", ""}};
  inputs.facts.layout.mounts[1].free = 10 << 20;
  std::vector<std::string> where;
  for (const auto& refusal : make(inputs).refusals) where.push_back(refusal.problem.where);
  EXPECT_EQ(where, (std::vector<std::string>{"os", "arch", "bundle", "bundle", "opensm", "mft", "space"}));
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
  EXPECT_THAT(to_text(make(inputs)),
              HasSubstr("  set SELinux labels with setfiles -F, also those of customized types, or with /.autorelabel "
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

TEST(Expectations, NameThePrivateKeysOfTheBase) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  inputs.facts.private_keys = {"/root/MOK.priv"};
  const auto expected = make(inputs).plan.expectations;
  EXPECT_THAT(expected.private_keys, ElementsAre("/root/MOK.priv"));
  auto json = nlohmann::json::parse(to_json(expected).dump());
  EXPECT_EQ(expectations_from(json), expected);
  json.erase("private_keys");  // a manifest of an older bake
  EXPECT_THAT(expectations_from(json).private_keys, IsEmpty());
}

TEST(Expectations, AreReadBackFromTheManifest) {
  auto inputs = inputs_for(ubuntu(azure), deb_repository(true), PackageFormat::deb, nullptr);
  const auto expected = make(inputs).plan.expectations;
  auto json = nlohmann::json::parse(to_json(expected).dump());
  EXPECT_EQ(expectations_from(json), expected);
  EXPECT_TRUE(expected.memlock_unlimited);
  json.erase("network_config");  // a manifest of an older bake
  EXPECT_EQ(expectations_from(json).network_config, "");
  json.erase("memlock_unlimited");  // a manifest of an older bake
  EXPECT_FALSE(expectations_from(json).memlock_unlimited);
  json["firstboot_strict_rate"] = true;
  EXPECT_TRUE(expectations_from(json).firstboot_strict_rate);
  json.erase("firstboot_strict_rate");  // a manifest of an older bake
  EXPECT_FALSE(expectations_from(json).firstboot_strict_rate);
  EXPECT_FALSE(json.contains("base_privileges"));  // a plan does not have them
  auto recorded = expected;
  recorded.base_privileges = Privileges{{{"/usr/bin/sudo", "1"}}, {{"/root/.ssh/authorized_keys", "2"}}, {"a"}, {"b"}};
  EXPECT_EQ(expectations_from(nlohmann::json::parse(to_json(recorded).dump())), recorded);
  EXPECT_FALSE(to_json(recorded).contains("privileges"));  // a manifest of an older bake
  recorded.privileges = recorded.base_privileges;
  recorded.privileges->capabilities = std::map<std::string, std::string>{{"/usr/bin/ping", "3"}};
  EXPECT_EQ(expectations_from(nlohmann::json::parse(to_json(recorded).dump())), recorded);
  EXPECT_THROW(expectations_from(nlohmann::json::object()), Error);
}

}  // namespace
}  // namespace bake::plan
