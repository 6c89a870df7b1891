#include "bake/guest/initramfs.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "tests/support/cpio.hpp"
#include "tests/support/error_of.hpp"

namespace bake::guest {
namespace {

using bake::testing::cpio;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr const char* kernel = "4.18.0-240.el8.x86_64";

std::string compressed(const std::string& content, const std::string& command) {
  const TemporaryDirectory directory;
  write_text_atomically(directory.path() / "plain", content);
  const auto plain = (directory.path() / "plain").string();
  return run_program({"sh", "-c", command + " <" + plain}).out;
}

const std::string microcode = cpio({{"kernel/x86/microcode/GenuineIntel.bin", "early"}});

/// A main archive in which modprobe finds mlx5_core in extra/ although kernel/ has one too, as dracut packs both.
std::string main_archive() {
  const std::string modules = std::string("usr/lib/modules/") + kernel + "/";
  return cpio({{"init", "#!/bin/sh\n"},
               {modules + "modules.dep",
                "extra/mlnx-ofa_kernel/mlx5_core.ko.xz: extra/mlnx-ofa_kernel/mlx_compat.ko.xz\n"
                "kernel/drivers/hv/hv-vmbus.ko.xz:\n"},
               {modules + "extra/mlnx-ofa_kernel/mlx5_core.ko.xz", "x"},
               {modules + "kernel/drivers/net/ethernet/mellanox/mlx5/core/mlx5_core.ko.xz", "x"},
               {modules + "kernel/drivers/hv/hv-vmbus.ko.xz", "x"}});
}

void expect_main(const InitramfsContent& content) {
  const std::string modules = std::string("lib/modules/") + kernel + "/";
  EXPECT_THAT(content.modules, ElementsAre(modules + "extra/mlnx-ofa_kernel/mlx5_core.ko.xz",
                                           modules + "kernel/drivers/hv/hv-vmbus.ko.xz",
                                           modules + "kernel/drivers/net/ethernet/mellanox/mlx5/core/mlx5_core.ko.xz"));
  EXPECT_THAT(content.resolved, ElementsAre(Pair("hv_vmbus", modules + "kernel/drivers/hv/hv-vmbus.ko.xz"),
                                            Pair("mlx5_core", modules + "extra/mlnx-ofa_kernel/mlx5_core.ko.xz")));
  EXPECT_TRUE(content.has_root);
}

TEST(Initramfs, ResolvesModulesAsModprobeInsideDoes) { expect_main(read_initramfs(main_archive(), kernel, "image")); }

TEST(Initramfs, ReadsEveryCompressionBehindAnEarlyArchive) {
  for (const auto* command : {"gzip -c", "xz --check=crc32 -c", "lzma -c", "bzip2 -c", "zstd -q -c", "lz4 -l -c"})
    expect_main(read_initramfs(microcode + microcode + compressed(main_archive(), command), kernel, "image"));
}

TEST(Initramfs, AnEarlyArchiveAloneHasNoRoot) {
  const auto content = read_initramfs(microcode, kernel, "image");
  EXPECT_FALSE(content.has_root);
  EXPECT_TRUE(content.modules.empty());
}

TEST(Initramfs, RefusesDamageAtOnce) {
  const auto refusal = [](const std::string& bytes) {
    return error_of([&] { read_initramfs(bytes, kernel, "/boot/initrd"); });
  };
  EXPECT_EQ(refusal("").message(), "reading initramfs '/boot/initrd': it is empty");
  EXPECT_EQ(refusal(std::string(64 << 20, '\0')).message(),
            "reading initramfs '/boot/initrd': it is not a cpio archive in any compression that a kernel reads");
  EXPECT_EQ(refusal(microcode.substr(0, 130)).message(), "reading initramfs '/boot/initrd': it is truncated");
  const auto packed = compressed(main_archive(), "gzip -c");
  const auto truncated = refusal(packed.substr(0, packed.size() / 2));
  EXPECT_EQ(truncated.kind(), ErrorKind::verification);
  EXPECT_THAT(truncated.message(), HasSubstr("/boot/initrd"));
}

}  // namespace
}  // namespace bake::guest
