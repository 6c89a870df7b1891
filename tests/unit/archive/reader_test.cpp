#include <gtest/gtest.h>

#include "bake/archive/archive.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "tests/support/error_of.hpp"

namespace bake::archive {
namespace {

/// 64 MiB of zeros in about 6 KiB, in many blocks of zstd.
std::string bomb() {
  const TemporaryDirectory directory;
  return run_program({"sh", "-c", "head -c 67108864 /dev/zero | zstd -q -19 -c"}).out;
}

TEST(ArchiveReader, StopsAtTheLimitAlsoBetweenEntries) {
  // Zeros before the first header belong to no entry: libarchive reads over them.
  const auto bytes = bomb();
  EXPECT_LT(bytes.size(), 100'000U);
  std::string stream;
  for (int i = 0; i < 40; ++i) stream += bytes;
  const auto error = error_of([&] {
    ArchiveReader reader(source_of(stream), ArchiveKind::cpio, "initrd", 1 << 20);
    reader.next();
  });
  EXPECT_EQ(error.message(), "reading 'initrd': it unpacks to more than 1.0 MiB");
}

}  // namespace
}  // namespace bake::archive
