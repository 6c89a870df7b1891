#include "bake/disk/digest.hpp"

#include "bake/base/digest.hpp"
#include "bake/base/process.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake {
namespace {

class DiskDigest : public DiskTest {};

TEST_F(DiskDigest, IsTheOneOfSha256sum) {
  const auto raw = raw_disk("base.raw", 40 * mebibyte + 512);
  put(raw, 33 * mebibyte + 5, std::string(70000, 'z'));
  const auto qcow2 = at("base.qcow2");
  ASSERT_EQ(run_program({"qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw.string(), qcow2.string()}).status, 0);
  const auto vhd = fixed_vhd("base.vhd", 16 * mebibyte);
  for (const auto& file : {raw, vhd, qcow2}) EXPECT_EQ(digest_of_disk(file), digest_of_file(file)) << file;
  BackgroundDigests digests({raw, vhd, qcow2});
  const auto found = digests.wait();
  EXPECT_EQ(found, (std::vector{digest_of_file(raw), digest_of_file(vhd), digest_of_file(qcow2)}));
  EXPECT_EQ(digests.wait(), found);
}

TEST_F(DiskDigest, OfAMissingFileIsAnErrorAtOnce) {
  const auto missing = error_of([&] { BackgroundDigests({at("missing")}); });
  EXPECT_EQ(missing.kind(), ErrorKind::usage);
  EXPECT_EQ(missing.message(), "opening '" + at("missing").string() + "': no such file");
}

TEST_F(DiskDigest, OfAFileThatChangesMeanwhileIsAnError) {
  const auto base = raw_disk("base.raw", 512 * mebibyte);
  BackgroundDigests digests({base});
  put(base, 511 * mebibyte, "changed");
  const auto error = error_of([&] { digests.wait(); });
  EXPECT_EQ(error.message(), "hashing '" + base.string() + "': it changed meanwhile");
  EXPECT_EQ(error.hint(), "stop what writes to it, and try again");
}

TEST_F(DiskDigest, StopsWithTheObject) {
  const auto base = raw_disk("base.raw", std::uint64_t{1} << 40U);  // a TiB takes many minutes
  const BackgroundDigests digests({base});
}

}  // namespace
}  // namespace bake
