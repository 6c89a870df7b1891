#include <gtest/gtest.h>

#include "bake/archive/archive.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "tests/support/cpio.hpp"
#include "tests/support/error_of.hpp"

namespace bake::archive {
namespace {

/// `content` and then 64 MiB of zeros, in a few KiB.
std::string with_zeros(const std::string& content) {
  const TemporaryDirectory directory;
  write_text_atomically(directory.path() / "content", content);
  const auto file = (directory.path() / "content").string();
  return run_program({"sh", "-c", "{ cat " + file + "; head -c 67108864 /dev/zero; } | zstd -q -c"}).out;
}

TEST(ArchiveReader, StopsAtTheLimitAlsoBetweenEntries) {
  // Zeros before the first header belong to no entry: libarchive reads over them.
  const auto whole = testing::cpio({{"init", "x"}});
  auto stream = with_zeros(whole.substr(0, whole.rfind("070701")));
  const auto zeros = with_zeros("");
  EXPECT_LT(zeros.size(), 100'000U);
  for (int i = 0; i < 40; ++i) stream += zeros;
  const auto error = error_of([&] {
    ArchiveReader reader(source_of(stream), ArchiveKind::cpio, "initrd", 1 << 20);
    while (reader.next())
      ;
  });
  EXPECT_EQ(error.message(), "reading 'initrd': it unpacks to more than 1 MiB");
}

}  // namespace
}  // namespace bake::archive
