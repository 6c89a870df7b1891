#include "bake/job/cache.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bake/base/digest.hpp"
#include "bake/base/progress.hpp"
#include "bake/job/known_digest.hpp"
#include "matrix/matrix.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;

class CacheTest : public ::testing::Test {
 protected:
  void SetUp() override { write("content"); }

  /// Writes the disk, and dates it back.
  void write(const std::string& content) const {
    write_text_atomically(disk(), content);
    date(disk(), 1'600'000'000);
  }
  static void date(const fs::path& file, time_t seconds) {
    const timespec times[2]{{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), static_cast<const timespec*>(times), 0), 0);
  }
  void keep(const std::string& content) const {
    cache_.keep("facts", disk(), Cache::settled_identity_of(disk()), content);
  }
  [[nodiscard]] fs::path disk() const { return scratch_.path() / "disk.vhd"; }

  TemporaryDirectory scratch_;
  Cache cache_{scratch_.path() / "cache"};
};

TEST_F(CacheTest, FindsWhatItKeptAboutAnUnchangedFile) {
  EXPECT_EQ(cache_.find("facts", disk()), std::nullopt);
  keep("what was found");
  EXPECT_EQ(cache_.find("facts", disk()), "what was found");
  EXPECT_EQ(cache_.find("other", disk()), std::nullopt);
  struct stat info {};
  ASSERT_EQ(::stat((scratch_.path() / "cache").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
}

TEST_F(CacheTest, FindsNothingAboutAFileThatChanged) {
  keep("what was found");
  write("CONTENT");  // the same size and mtime: the inode and ctime differ
  EXPECT_EQ(cache_.find("facts", disk()), std::nullopt);
}

/// Without the wait, most of these changes fall into the tick of the clock in which the file was made.
TEST_F(CacheTest, NoticesAChangeRightAfterTheIdentityWasTaken) {
  for (int i = 0; i < 20; ++i) {
    write_text_atomically(disk(), "fresh");
    const auto before = Cache::settled_identity_of(disk());
    {
      const auto file = open_file(disk(), O_WRONLY);
      ASSERT_EQ(::pwrite(file.get(), "stale", 5, 0), 5);
    }
    cache_.keep("facts", disk(), before, "what was found");
    ASSERT_EQ(cache_.find("facts", disk()), std::nullopt) << i;
  }
}

TEST_F(CacheTest, WaitsNoLongerThanATickOfTheClock) {
  write_text_atomically(disk(), "fresh");
  keep("what was found");
  EXPECT_EQ(cache_.find("facts", disk()), "what was found");
}

TEST_F(CacheTest, KeepsNothingAboutAFileThatChangedDuringTheWork) {
  const auto before = Cache::settled_identity_of(disk());
  write("other");
  cache_.keep("facts", disk(), before, "what was found");
  EXPECT_EQ(cache_.find("facts", disk()), std::nullopt);
}

TEST_F(CacheTest, DoesNotUseADirectoryThatOthersMayWriteTo) {
  keep("what was found");
  ASSERT_EQ(::chmod((scratch_.path() / "cache").c_str(), 0777), 0);
  EXPECT_EQ(cache_.find("facts", disk()), std::nullopt);
}

/// A user who may write can keep the file mapped: such writes do not change its times, on tmpfs not even the first one.
TEST_F(CacheTest, KeepsNothingAboutAFileWhoseTimesMayStay) {
  const TemporaryDirectory memory("/dev/shm");
  const auto on_tmpfs = memory.path() / "disk.vhd";
  const auto shared = scratch_.path() / "shared.vhd";
  const auto foreign = scratch_.path() / "foreign.vhd";
  for (const auto& file : {on_tmpfs, shared, foreign}) write_text_atomically(file, "content");
  ASSERT_EQ(::chmod(shared.c_str(), 0664), 0);
  const bool is_root = ::geteuid() == 0;
  if (is_root) {
    ASSERT_EQ(::chown(foreign.c_str(), 65534, 65534), 0);
  }
  keep("what was found");
  for (const auto& file : {on_tmpfs, shared, foreign}) {
    if (file == foreign && !is_root) continue;
    cache_.keep("facts", file, Cache::settled_identity_of(file), "what was found");
    EXPECT_EQ(cache_.find("facts", file), std::nullopt) << file;
  }
  EXPECT_EQ(cache_.find("facts", disk()), "what was found");
}

TEST_F(CacheTest, RemovesTheOldestEntriesAndNoOtherFile) {
  keep("what was found");
  const auto directory = scratch_.path() / "cache";
  for (int i = 0; i < 70; ++i) {
    write_text_atomically(directory / ("facts-" + digest_of(std::to_string(i))), "old");
    write_text_atomically(directory / ("letter-" + std::to_string(i)), "of the user");
    date(directory / ("facts-" + digest_of(std::to_string(i))), 1'500'000'000 + i);
    date(directory / ("letter-" + std::to_string(i)), 1'400'000'000);
  }
  cache_.keep("facts", disk(), Cache::settled_identity_of(disk()), "what was found");
  EXPECT_EQ(entries_of(directory).size(), 64U + 70U);
  EXPECT_EQ(cache_.find("facts", disk()), "what was found");
  EXPECT_FALSE(fs::exists(directory / ("facts-" + digest_of("6"))));
  EXPECT_TRUE(fs::exists(directory / ("facts-" + digest_of("7"))));
}

TEST_F(CacheTest, WithoutADirectoryKeepsNothing) {
  const Cache none;
  none.keep("facts", disk(), Cache::settled_identity_of(disk()), "what was found");
  EXPECT_EQ(none.find("facts", disk()), std::nullopt);
}

TEST_F(CacheTest, ADigestIsComputedOnce) {
  SilentProgress progress;
  const auto matrix = matrix::Matrix::built_in();
  store::Store store(scratch_.path() / "store");
  Environment environment{matrix, store, progress, {}, {}, cache_};
  keep("");
  EXPECT_EQ(KnownDigest(disk(), environment).wait(), digest_of("content"));
  EXPECT_EQ(cache_.find("sha256", disk()), digest_of("content"));
  cache_.keep("sha256", disk(), Cache::settled_identity_of(disk()), digest_of("from the cache"));
  EXPECT_EQ(KnownDigest(disk(), environment).wait(), digest_of("from the cache"));
  cache_.keep("sha256", disk(), Cache::settled_identity_of(disk()), "damaged");
  EXPECT_EQ(KnownDigest(disk(), environment).wait(), digest_of("content"));
}

}  // namespace
}  // namespace bake::job
