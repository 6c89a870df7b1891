#include "bake/guest/initramfs_edit.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/guest/initramfs.hpp"
#include "tests/support/cpio.hpp"
#include "tests/support/error_of.hpp"

namespace bake::guest {
namespace {

using bake::testing::cpio;
using bake::testing::cpio_file;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr const char* kernel = "5.4.0-1040-azure";
const std::string modules = std::string("usr/lib/modules/") + kernel + "/";
const std::string microcode = cpio({{"kernel/x86/microcode/GenuineIntel.bin", "early"}});

class InitramfsEditTest : public ::testing::Test {
 protected:
  InitramfsEditTest() {
    edit.release = kernel;
    edit.modules = {"mlx5_core", "ib_core"};
    edit.indexes = {{"modules.dep", "kernel/hv_vmbus.ko:\n"}};
  }
  /// What `command` makes of `content`.
  [[nodiscard]] std::string through(const std::string& content, const std::string& command) const {
    write_text_atomically(scratch.path() / "in", content);
    return run_program({"sh", "-c", fmt::format("{} <{}", command, (scratch.path() / "in").string())}).out;
  }
  std::string edited(const std::string& bytes) const {
    edit_initramfs(bytes, edit, scratch.path() / "out", "image");
    return read_text(scratch.path() / "out");
  }

  /// What editing `bytes` throws.
  [[nodiscard]] Error refusal(const std::string& bytes) const {
    return error_of([&] { edited(bytes); });
  }

  InitramfsEdit edit;
  const TemporaryDirectory scratch;
};

std::string before() {
  return cpio(
      {{"init", "#!/bin/sh\n"},
       {modules + "modules.dep", "kernel/mlx5_core.ko: kernel/ib_core.ko\nkernel/ib_core.ko:\nkernel/hv_vmbus.ko:\n"},
       {modules + "kernel/mlx5_core.ko.zst", "12345"},
       {modules + "kernel/ib-core.ko.xz", ""},
       {modules + "kernel/hv_vmbus.ko", "123"},
       {"etc/mlx5_core.ko", "no module of the kernel"}});
}

std::string after() {
  return cpio({{"init", "#!/bin/sh\n"},
               {modules + "modules.dep", "kernel/hv_vmbus.ko:\n"},
               {modules + "kernel/hv_vmbus.ko", "123"},
               {"etc/mlx5_core.ko", "no module of the kernel"}});
}

TEST_F(InitramfsEditTest, LeavesModulesOutAndChangesNothingElse) {
  EXPECT_EQ(edited(before()), after());
  EXPECT_EQ(edited(microcode + before()), microcode + after());
}

TEST_F(InitramfsEditTest, AddsModulesAndTheirDirectories) {
  edit.modules = {};
  edit.added = {{"kernel/drivers/pci/a.ko", "abc"}, {"kernel/drivers/pci/b.ko", ""}};
  const auto bytes = edited(microcode + before());
  const auto content = read_initramfs(bytes, kernel, "image");
  const auto directory = std::string("lib/modules/") + kernel + "/";
  EXPECT_THAT(content.modules, ElementsAre(directory + "kernel/drivers/pci/a.ko", directory + "kernel/drivers/pci/b.ko",
                                           directory + "kernel/hv_vmbus.ko", directory + "kernel/ib-core.ko.xz",
                                           directory + "kernel/mlx5_core.ko.zst"));
  const auto names = through(bytes.substr(microcode.size()), "cpio -it --quiet");
  EXPECT_TRUE(names.ends_with(modules + "kernel\n" + modules + "kernel/drivers\n" + modules + "kernel/drivers/pci\n" +
                              modules + "kernel/drivers/pci/a.ko\n" + modules + "kernel/drivers/pci/b.ko\n"))
      << names;
}

TEST_F(InitramfsEditTest, KeepsGzipAndZstd) {
  for (const auto& [pack, unpack] : {std::pair{"gzip -c", "gzip -dc"}, std::pair{"zstd -q -19 -c", "zstd -qdc"}}) {
    const auto bytes = edited(microcode + microcode + through(before(), pack));
    ASSERT_TRUE(bytes.starts_with(microcode + microcode)) << pack;
    EXPECT_EQ(through(bytes.substr(2 * microcode.size()), unpack), after()) << pack;
    EXPECT_EQ(edited(microcode + microcode + through(before(), pack)), bytes) << pack;
  }
}

TEST_F(InitramfsEditTest, WritesGzipForAnotherCompressionThatTheKernelMayHaveInsteadOfIt) {
  for (const auto* pack : {"xz --check=crc32 -c", "lz4 -l -c", "bzip2 -c", "lzma -c"}) {
    edit.allow_gzip = true;
    EXPECT_EQ(through(edited(through(before(), pack)), "gzip -dc"), after()) << pack;
    edit.allow_gzip = false;
    EXPECT_THROW(edited(through(before(), pack)), CannotEdit) << pack;
  }
}

TEST_F(InitramfsEditTest, ModulesInAnEarlyArchiveGoToo) {
  // Ubuntu 24.04 has its modules in an uncompressed archive in front of the compressed one.
  const auto main = cpio({{"init", "#!/bin/sh\n"}, {modules + "modules.dep", "kernel/hv_vmbus.ko:\n"}});
  const auto bytes =
      edited(cpio({{modules + "kernel/mlx5_core.ko.zst", "12345"}, {modules + "kernel/nvme.ko.zst", "1"}}) +
             through(main, "zstd -q -c"));
  const auto early = cpio({{modules + "kernel/nvme.ko.zst", "1"}});
  ASSERT_TRUE(bytes.starts_with(early));
  EXPECT_EQ(through(bytes.substr(early.size()), "zstd -qdc"), main);
}

TEST_F(InitramfsEditTest, WhatItReadsAfterwardsResolvesWithoutTheModules) {
  const auto content = read_initramfs(edited(through(before(), "gzip -c")), kernel, "image");
  EXPECT_THAT(content.modules, ElementsAre(std::string("lib/modules/") + kernel + "/kernel/hv_vmbus.ko"));
  EXPECT_THAT(content.resolved,
              ElementsAre(Pair("hv_vmbus", std::string("lib/modules/") + kernel + "/kernel/hv_vmbus.ko")));
}

TEST_F(InitramfsEditTest, AFileWithHardLinksCannotGo) {
  const auto end = cpio_file(modules + "modules.dep", "") + cpio_file("TRAILER!!!", "");
  auto linked = cpio_file(modules + "kernel/mlx5_core.ko", "123");
  linked.replace(6 + 8 * 4, 8, "00000002");
  EXPECT_EQ(refusal(linked + end).message(),
            "editing initramfs 'image': " + modules + "kernel/mlx5_core.ko has hard links");
}

TEST_F(InitramfsEditTest, DamageIsRefused) {
  const auto truncated = through(before().substr(0, 300), "gzip -c");
  EXPECT_EQ(refusal(truncated).message(), "editing initramfs 'image': it is truncated");
  EXPECT_EQ(refusal(truncated).kind(), ErrorKind::verification);
  const auto second = through(before() + "x", "gzip -c");
  EXPECT_THROW(edited(second), CannotEdit);
  EXPECT_EQ(refusal(microcode).message(), "editing initramfs 'image': it has no modules.dep for 5.4.0-1040-azure");
  EXPECT_THROW(edited(""), Error);
}

}  // namespace
}  // namespace bake::guest
