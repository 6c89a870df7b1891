// Whether the initramfs stays, is edited or is built again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/plan/files.hpp"
#include "tests/support/plan_inputs.hpp"

namespace bake::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace bake::plan
