#include <filesystem>
#include <gtest/gtest.h>
#include <sstream>

#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/commands/commands.hpp"

namespace bake::cli {
namespace {

TEST(HandlerPack, WritesTheSameZipEveryTime) {
  const TemporaryDirectory scratch;
  const auto zip = (scratch.path() / "handler.zip").string();
  std::ostringstream out;
  std::ostringstream err;
  ASSERT_EQ(run({"handler", "pack", "-o", zip}, out, err), 0) << err.str();
  const auto first = read_text(zip);
  EXPECT_EQ(run({"handler", "pack", "-o", zip}, out, err), 2);
  EXPECT_EQ(run({"handler", "pack", "-o", zip, "--force"}, out, err), 0);
  EXPECT_EQ(read_text(zip), first);
}

TEST(HandlerPack, ContainsTheManifestAndTheProgram) {
  const TemporaryDirectory scratch;
  const auto zip = (scratch.path() / "handler.zip").string();
  std::ostringstream out;
  std::ostringstream err;
  ASSERT_EQ(run({"handler", "pack", "-o", zip}, out, err), 0) << err.str();
  const auto unpacked = run_program({"bsdtar", "-xf", zip, "-C", scratch.path().string()});
  ASSERT_EQ(unpacked.status, 0) << unpacked.err;
  EXPECT_EQ(read_text(scratch.path() / "HandlerManifest.json"),
            read_text(SOURCE_DIR "/firstboot/handler/HandlerManifest.json"));
  EXPECT_EQ(read_text(scratch.path() / "ib-firstboot"), read_text(IB_FIRSTBOOT_BINARY));
  EXPECT_EQ(run_program({(scratch.path() / "ib-firstboot").string(), "--version"}).status, 0);
}

}  // namespace
}  // namespace bake::cli
