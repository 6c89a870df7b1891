#include "bake/base/file.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "bake/base/digest.hpp"
#include "tests/support/error_of.hpp"

namespace bake {
namespace {

namespace fs = std::filesystem;

TEST(File, APipeIsRefusedAtOnce) {
  const TemporaryDirectory directory;
  const auto pipe = directory.path() / "recipe.yaml";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto error = error_of([&] { read_text(pipe); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_EQ(error.message(), "opening '" + pipe.string() + "': it is a pipe, not a file");
}

TEST(File, ADeviceWithoutAnEndIsRefused) {
  const TemporaryDirectory directory;
  const auto link = directory.path() / "bundle.tgz";
  fs::create_symlink("/dev/zero", link);
  const auto error = error_of([&] { digest_of_file(link); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_EQ(error.message(), "opening '" + link.string() + "': it is a device, not a file");
}

TEST(File, IsWrittenUnderAFreshName) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "site.key";
  // The name of the temporary file was FILE.PID.new: a link there led the private key elsewhere.
  const auto trap = fs::path(file.string() + "." + std::to_string(::getpid()) + ".new");
  fs::create_symlink(directory.path() / "stolen", trap);
  write_text_atomically(file, "secret", 0600);
  EXPECT_EQ(read_text(file), "secret");
  EXPECT_FALSE(fs::exists(directory.path() / "stolen"));
  EXPECT_TRUE(fs::is_symlink(trap));
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST(File, KeepsTheUmask) {
  const TemporaryDirectory directory;
  const auto mask = ::umask(027);
  write_text_atomically(directory.path() / "a", "x");
  ::umask(mask);
  struct stat info {};
  ASSERT_EQ(::stat((directory.path() / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0640U);
  EXPECT_THAT(entries_of(directory.path()), ::testing::ElementsAre(directory.path() / "a"));
}

}  // namespace
}  // namespace bake
