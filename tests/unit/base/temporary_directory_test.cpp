#include <array>
#include <csignal>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bake/base/file.hpp"
#include "bake/base/text.hpp"

namespace bake {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Another process with a temporary directory below `parent`, which has a file in it and notes `also`.
class Owner {
 public:
  Owner(const fs::path& parent, const fs::path& also) {
    std::array<int, 2> ready{};
    EXPECT_EQ(::pipe(ready.data()), 0);
    process_ = ::fork();
    if (process_ == 0) {
      const TemporaryDirectory scratch(parent);
      write_text_atomically(scratch.path() / "overlay.qcow2", "data");
      scratch.note_also(also);
      [[maybe_unused]] const auto written = ::write(ready[1], "r", 1);
      for (;;) ::pause();
    }
    char word = 0;
    ::close(ready[1]);
    EXPECT_EQ(::read(ready[0], &word, 1), 1);
    ::close(ready[0]);
  }
  ~Owner() { kill(); }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  void kill() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
    process_ = 0;
  }

 private:
  pid_t process_ = 0;
};

TEST(TemporaryDirectory, IsRemovedWithItsContent) {
  const TemporaryDirectory parent;
  {
    const TemporaryDirectory scratch(parent.path());
    EXPECT_THAT(entries_of(scratch.path()), IsEmpty());
    write_text_atomically(scratch.path() / "a", "x");
  }
  EXPECT_THAT(entries_of(parent.path()), IsEmpty());
}

TEST(TemporaryDirectory, TheNextRunRemovesWhatAKilledRunLeft) {
  const TemporaryDirectory parent;
  const TemporaryDirectory elsewhere;
  const auto sockets = elsewhere.path() / "libguestfsJ2k3xV";
  fs::create_directory(sockets);
  write_text_atomically(sockets / "guestfsd.sock", "");
  Owner owner(parent.path(), sockets);
  const auto left = entries_of(parent.path());
  ASSERT_EQ(left.size(), 1U);

  { const TemporaryDirectory next(parent.path()); }
  EXPECT_EQ(entries_of(parent.path()), left) << "its owner is alive";
  EXPECT_TRUE(fs::exists(sockets));

  owner.kill();
  const TemporaryDirectory next(parent.path());
  EXPECT_FALSE(fs::exists(left.front()));
  EXPECT_FALSE(fs::exists(sockets));
  EXPECT_EQ(entries_of(parent.path()).size(), 1U);
}

TEST(TemporaryDirectory, TheOneOfAnotherMachineStays) {
  const TemporaryDirectory parent;
  Owner owner(parent.path(), parent.path() / "none");
  const auto left = entries_of(parent.path()).front();
  owner.kill();
  auto lines = split_lines(read_text(left / "lock"));
  lines.at(1) = "machine 00000000000000000000000000000000 node7";
  write_text_atomically(left / "lock", join(lines, "\n") + "\n");
  const TemporaryDirectory next(parent.path());
  EXPECT_TRUE(fs::exists(left / "files/overlay.qcow2"));
}

TEST(TemporaryDirectory, WhatBakeDidNotMakeStays) {
  const TemporaryDirectory parent;
  const TemporaryDirectory elsewhere;
  write_text_atomically(elsewhere.path() / "image.vhd", "x");
  // A user's directory with such a name, also one with a file called lock; and a link with such a name.
  fs::create_directory(parent.path() / "bake-fleets");
  fs::create_directory(parent.path() / "bake-images");
  write_text_atomically(parent.path() / "bake-images/lock", "");
  fs::create_directory_symlink(elsewhere.path(), parent.path() / "bake-linked");
  { const TemporaryDirectory next(parent.path()); }
  EXPECT_THAT(entries_of(parent.path()),
              ElementsAre(parent.path() / "bake-fleets", parent.path() / "bake-images", parent.path() / "bake-linked"));
  EXPECT_TRUE(fs::exists(elsewhere.path() / "image.vhd"));
}

TEST(TemporaryDirectory, ALinkInThePlaceOfANotedDirectoryIsNotFollowed) {
  const TemporaryDirectory parent;
  const TemporaryDirectory elsewhere;
  fs::create_directory(elsewhere.path() / "mine");
  write_text_atomically(elsewhere.path() / "mine/file", "x");
  const auto noted = elsewhere.path() / "libguestfsJ2k3xV";
  Owner owner(parent.path(), noted);
  fs::create_directory_symlink(elsewhere.path() / "mine", noted);
  owner.kill();
  const TemporaryDirectory next(parent.path());
  EXPECT_TRUE(fs::exists(elsewhere.path() / "mine/file"));
  EXPECT_TRUE(fs::is_symlink(noted));
}

}  // namespace
}  // namespace bake
