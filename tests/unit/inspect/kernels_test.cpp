#include "bake/inspect/kernels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/guest/memory.hpp"
#include "tests/support/cpio.hpp"

namespace bake::guest {
namespace {

TEST(Kernels, ComparesReleasesAsRpmDoes) {
  EXPECT_EQ(compare_kernel_releases("3.10.0-957.27.2.el7.x86_64", "3.10.0-957.el7.x86_64"), 1);
  EXPECT_EQ(compare_kernel_releases("4.18.0-80.el8", "4.18.0-193.el8"), -1);
  EXPECT_EQ(compare_kernel_releases("5.4.0-1010-azure", "5.4.0-26-generic"), 1);
  EXPECT_EQ(compare_kernel_releases("5.4.0-026", "5.4.0-26"), 0);
  EXPECT_EQ(compare_kernel_releases("", "1"), -1);
}

TEST(Kernels, FindsEveryKernelThatCanBoot) {
  const std::string modern = "4.18.0-240.15.1.el8_3.x86_64";
  MemoryGuest guest;
  guest.with_directory("/lib/modules/4.18.0-240.1.1.el8_3.x86_64")
      .with_file("/boot/vmlinuz-4.18.0-240.1.1.el8_3.x86_64")
      .with_file("/lib/modules/" + modern + "/vmlinuz")
      .with_file("/lib/modules/" + modern + "/symvers.gz")
      .with_file("/lib/modules/" + modern + "/System.map")
      .with_file("/lib/modules/" + modern + "/config", "CONFIG_MLX5_CORE=m\n")
      .with_file("/boot/initramfs-" + modern + ".img")
      .with_file("/boot/symvers-4.18.0-240.1.1.el8_3.x86_64.gz")
      .with_file("/boot/config-4.18.0-240.1.1.el8_3.x86_64", "CONFIG_MLX4_CORE=y\n# CONFIG_MLX5_CORE is not set\n")
      .with_file("/usr/src/kernels/" + modern + "/Makefile")
      .with_link("/lib/modules/" + modern + "/build", "/usr/src/kernels/" + modern)
      .with_link("/lib/modules/4.18.0-240.1.1.el8_3.x86_64/build", "/usr/src/kernels/gone")
      .with_directory("/lib/modules/removed-kernel")
      .with_file("/lib/modules/a-file");
  const auto kernels = find_kernels(guest);
  ASSERT_EQ(kernels.size(), 2U);
  EXPECT_EQ(kernels[0].release, "4.18.0-240.1.1.el8_3.x86_64");
  EXPECT_EQ(kernels[0].symvers, "/boot/symvers-4.18.0-240.1.1.el8_3.x86_64.gz");
  EXPECT_EQ(kernels[0].builtin_rdma, std::vector<std::string>{"mlx4_core"});
  EXPECT_EQ(kernels[0].initramfs, std::nullopt);
  EXPECT_FALSE(kernels[0].has_headers);
  EXPECT_EQ(kernels[1].image, "/lib/modules/" + modern + "/vmlinuz");
  EXPECT_EQ(kernels[1].symvers, "/lib/modules/" + modern + "/symvers.gz");
  EXPECT_EQ(kernels[1].system_map, "/lib/modules/" + modern + "/System.map");
  EXPECT_EQ(kernels[1].initramfs, "/boot/initramfs-" + modern + ".img");
  EXPECT_TRUE(kernels[1].has_headers);
}

TEST(Kernels, TheSymbolsOfTheHeadersCountIfTheKernelHasNoTable) {
  const std::string release = "5.15.0-1041-azure";
  const std::string headers = "/usr/src/linux-headers-" + release;
  MemoryGuest guest;
  guest.with_file("/boot/vmlinuz-" + release)
      .with_link("/lib/modules/" + release + "/build", headers)
      .with_file(headers + "/Module.symvers",
                 "0x12345678\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n"
                 "0xabcdef01\tmlx5_core_access_reg\tdrivers/net/ethernet/mellanox/mlx5/core/mlx5_core\t"
                 "EXPORT_SYMBOL_GPL\tMLX5\n");
  const auto found = find_kernels(guest);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].symvers, "/lib/modules/" + release + "/build/Module.symvers");
  EXPECT_EQ(found[0].symbol_versions, (SymbolVersions{{"mlx5_core_access_reg", 0xabcdef01U}, {"printk", 0x12345678U}}));
  guest.with_file("/lib/modules/" + release + "/symvers.gz");
  EXPECT_EQ(find_kernels(guest)[0].symvers, "/lib/modules/" + release + "/symvers.gz");
}

TEST(Kernels, HeadersWithoutATableAreNoTable) {
  const std::string release = "5.15.0-1041-azure";
  MemoryGuest guest;
  guest.with_file("/boot/vmlinuz-" + release)
      .with_link("/lib/modules/" + release + "/build", "/usr/src/linux-headers-" + release);
  EXPECT_EQ(find_kernels(guest)[0].symvers, std::nullopt);
  guest.with_file("/usr/src/linux-headers-" + release + "/Module.symvers");  // empty
  EXPECT_EQ(find_kernels(guest)[0].symvers, std::nullopt);
  guest.remove("/usr/src/linux-headers-" + release + "/Module.symvers");
  guest.with_link("/usr/src/linux-headers-" + release + "/Module.symvers", "gone");
  EXPECT_EQ(find_kernels(guest)[0].symvers, std::nullopt);
}

TEST(Kernels, FindsBuiltInRdmaByBothSources) {
  // linux-azure 4.15.0-1041 (microsoft/azure-linux-kernel issue 28).
  EXPECT_EQ(builtin_rdma_modules("kernel/drivers/net/ethernet/mellanox/mlx5/core/mlx5_core.ko\n"
                                 "kernel/drivers/infiniband/core/ib_core.ko\nkernel/fs/ext4/ext4.ko\n",
                                 ""),
            (std::vector<std::string>{"ib_core", "mlx5_core"}));
  EXPECT_EQ(builtin_rdma_modules("",
                                 "CONFIG_MLX4_CORE=y\nCONFIG_MLX5_CORE=y\nCONFIG_INFINIBAND=m\n"
                                 "CONFIG_INFINIBAND_ADDR_TRANS=y\nCONFIG_INFINIBAND_USER_MAD=m\n"),
            (std::vector<std::string>{"mlx4_core", "mlx5_core"}));
  EXPECT_EQ(builtin_rdma_modules("", "CONFIG_INFINIBAND=y\nCONFIG_INFINIBAND_ADDR_TRANS=y\n"),
            (std::vector<std::string>{"ib_cm", "ib_core", "rdma_cm"}));
  EXPECT_TRUE(builtin_rdma_modules("", "#CONFIG_MLX5_CORE=y\nCONFIG_MLX5_CORE=m\nCONFIG_MLX5_CORE_EN=y\n").empty());
}

TEST(Kernels, DriversForAzureAreThoseThatAreModules) {
  EXPECT_EQ(azure_drivers("kernel/drivers/pci/controller/pci-hyperv.ko.xz:\nkernel/drivers/hv/hv_vmbus.ko.xz:\n"
                          "kernel/drivers/nvme/host/nvme.ko.xz: kernel/drivers/nvme/host/nvme-core.ko.xz\n"
                          "kernel/drivers/nvme/host/nvme-core.ko.xz:\n"),
            (std::vector<std::string>{"hv_vmbus", "pci_hyperv", "nvme"}));
}

TEST(Kernels, ReadsTheInitramfsOrSaysWhyNot) {
  MemoryGuest guest;
  guest.with_file("/boot/i.img", testing::cpio({{"init", "x"}, {"lib/modules/K/kernel/hv_vmbus.ko", "x"}}))
      .with_file("/boot/zeros.img", std::string(4096, '\0'));
  Kernel kernel;
  kernel.release = "K";
  read_initramfs_of(guest, kernel);
  EXPECT_EQ(kernel.initramfs_trouble, "there is none for K");
  kernel.initramfs = "/boot/zeros.img";
  read_initramfs_of(guest, kernel);
  EXPECT_EQ(kernel.initramfs_trouble,
            "reading initramfs '/boot/zeros.img': it is not a cpio archive in any compression that a kernel reads");
  EXPECT_FALSE(kernel.initramfs_content);
  kernel.initramfs = "/boot/i.img";
  read_initramfs_of(guest, kernel);
  EXPECT_EQ(kernel.initramfs_trouble, "");
  ASSERT_TRUE(kernel.initramfs_content);
  EXPECT_EQ(kernel.initramfs_content->modules, std::vector<std::string>{"lib/modules/K/kernel/hv_vmbus.ko"});
}

TEST(Kernels, ALinkToAFileThatIsTooLargeIsNotRead) {
  MemoryGuest guest;
  std::string large;
  large.resize((std::size_t{16} << 20U) + 1);
  guest.with_file("/boot/vmlinuz-K")
      .with_file("/lib/modules/K/large", large)
      .with_link("/boot/symvers-K.gz", "/lib/modules/K/large");
  const auto kernels = find_kernels(guest);
  ASSERT_EQ(kernels.size(), 1U);
  EXPECT_EQ(kernels[0].symvers, "/boot/symvers-K.gz");
  EXPECT_FALSE(kernels[0].symbol_versions);
}

TEST(Kernels, ModulesFromOutsideThatUseTheKernelsRdmaModules) {
  EXPECT_EQ(
      outside_rdma_users("kernel/net/sunrpc/xprtrdma/rpcrdma.ko.xz: kernel/drivers/infiniband/core/rdma_cm.ko.xz\n"
                         "weak-updates/lustre-client/net/ko2iblnd.ko: weak-updates/lustre-client/net/lnet.ko "
                         "kernel/drivers/infiniband/core/rdma_cm.ko.xz kernel/drivers/infiniband/core/ib_core.ko.xz\n"
                         "weak-updates/lustre-client/net/lnet.ko:\n"
                         "extra/mst-pci.ko.xz: kernel/drivers/net/ethernet/mellanox/mlx5/core/mlx5_core.ko.xz\n"
                         "updates/dkms/nvidia-peermem.ko: updates/dkms/nvidia.ko extra/mlnx-ofa_kernel/ib_core.ko\n"
                         "no colon\n"),
      (std::vector<std::string>{"ko2iblnd", "mst_pci"}));
}

TEST(Kernels, OwnModulesThatUseIbCore) {
  EXPECT_EQ(own_ib_core_users("kernel/net/sunrpc/xprtrdma/rpcrdma.ko.xz: kernel/drivers/infiniband/core/rdma_cm.ko.xz "
                              "kernel/drivers/infiniband/core/ib_core.ko.xz\n"
                              "kernel/drivers/infiniband/ulp/srp/ib_srp.ko: extra/mlnx-ofa_kernel/core/ib_core.ko\n"
                              "kernel/drivers/infiniband/core/ib_core.ko:\n"
                              "kernel/fs/xfs/xfs.ko: kernel/lib/libcrc32c.ko\n"
                              "extra/ko2iblnd.ko: kernel/drivers/infiniband/core/ib_core.ko\n"
                              "no colon\n"),
            (std::vector<std::string>{"kernel/drivers/infiniband/ulp/srp/ib_srp.ko",
                                      "kernel/net/sunrpc/xprtrdma/rpcrdma.ko.xz"}));
}

TEST(Kernels, HashOfModuleSignatures) {
  EXPECT_EQ(module_hash_of("CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_HASH=\"sha256\"\n"), "sha256");
  EXPECT_EQ(module_hash_of("CONFIG_MODULE_SIG_HASH=\"sha512\"\nCONFIG_MODULE_SIG=y\n"), "sha512");
  EXPECT_EQ(module_hash_of("# CONFIG_MODULE_SIG is not set\nCONFIG_MODULE_SIG_HASH=\"sha512\"\n"), "");
  EXPECT_EQ(module_hash_of("CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_HASH=\"\n"), "");
  EXPECT_EQ(module_hash_of(""), "");
}

TEST(Symvers, AreReadLineByLine) {
  EXPECT_THAT(parse_symvers("0x12345678\tprintk\tvmlinux\tEXPORT_SYMBOL\n0xABCDEF01\tfoo\tm\tEXPORT_SYMBOL_GPL\tNS\n"),
              ::testing::ElementsAre(std::pair("foo", 0xabcdef01U), std::pair("printk", 0x12345678U)));
  EXPECT_THAT(parse_symvers("garbage\n0x1\n0xzz\tname\n0x123456789\ttoo-long\n\t\t\n12\tno-prefix\n0x2\t\n"),
              ::testing::IsEmpty());
}

}  // namespace
}  // namespace bake::guest
