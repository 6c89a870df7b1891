#include "bake/disk/output.hpp"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include "bake/base/process.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake {
namespace {

using DiskOutput = DiskTest;
using Names = std::vector<std::string>;

TEST_F(DiskOutput, AppearsCompleteUnderItsFinalName) {
  OutputFile output(at("out.vhd"), false);
  EXPECT_EQ(output.path(), at("out.vhd.partial"));
  std::filesystem::resize_file(output.path(), 64 * mebibyte);
  output.append_footer(make_fixed_footer(64 * mebibyte, test_time, test_uuid));
  EXPECT_FALSE(std::filesystem::exists(at("out.vhd")));
  output.publish();
  EXPECT_EQ(names(), Names{"out.vhd"});
  EXPECT_EQ(std::filesystem::file_size(at("out.vhd")), 64 * mebibyte + 512);
  const auto info = run_program({"qemu-img", "info", "-f", "vpc", at("out.vhd").string()});
  EXPECT_NE(info.out.find("virtual size: 64 MiB (67108864 bytes)"), std::string::npos) << info.out << info.err;
}

TEST_F(DiskOutput, OthersCannotReadAnImage) {
  const auto mode_of = [](const std::filesystem::path& file) {
    return static_cast<unsigned>(std::filesystem::status(file).permissions());
  };
  const auto base = raw_disk("base.raw", mebibyte);
  std::filesystem::permissions(base, std::filesystem::perms{0600});
  const OutputFile secret(at("secret.vhd"), false, {base});
  EXPECT_EQ(mode_of(secret.path()), 0600U);
  std::filesystem::permissions(base, std::filesystem::perms{0644});
  const OutputFile shared(at("shared.vhd"), false, {base});
  EXPECT_EQ(mode_of(shared.path()), 0640U);
}

TEST_F(DiskOutput, LeavesNothingWithoutPublish) {
  { OutputFile output(at("out.vhd"), false); }
  EXPECT_EQ(names(), Names{});
}

TEST_F(DiskOutput, LeavesNoLockWhenItCannotMakeThePartialFile) {
  std::filesystem::create_directory(at("out.vhd.partial"));
  const auto error = error_of([&] { OutputFile(at("out.vhd"), false); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_EQ(names(), Names{"out.vhd.partial"});
}

TEST_F(DiskOutput, RefusesAnExistingFileWithoutForce) {
  put(at("out.vhd"), 0, "old");
  const auto error = error_of([&] { OutputFile(at("out.vhd"), false); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_EQ(error.message(), "writing '" + at("out.vhd").string() + "': it exists");
  EXPECT_EQ(error.hint(), "--force replaces it");
  EXPECT_EQ(names(), Names{"out.vhd"});
}

TEST_F(DiskOutput, KeepsTheOldFileUntilForceReplacesIt) {
  put(at("out.vhd"), 0, "old");
  OutputFile output(at("out.vhd"), true);
  put(output.path(), 0, "new");
  EXPECT_EQ(get(at("out.vhd"), 0, 9), "old");
  output.publish();
  EXPECT_EQ(get(at("out.vhd"), 0, 9), "new");
  EXPECT_EQ(names(), Names{"out.vhd"});
}

TEST_F(DiskOutput, DoesNotReplaceAFileThatAppearsDuringTheWork) {
  {
    OutputFile output(at("out.vhd"), false);
    put(at("out.vhd"), 0, "theirs");
    EXPECT_EQ(error_of([&] { output.publish(); }).kind(), ErrorKind::usage);
  }
  EXPECT_EQ(get(at("out.vhd"), 0, 9), "theirs");
  EXPECT_EQ(names(), Names{"out.vhd"});
}

TEST_F(DiskOutput, RefusesASecondBake) {
  {
    const OutputFile first(at("out.vhd"), false);
    put(first.path(), 0, "first");
    const auto error = error_of([&] { OutputFile(at("out.vhd"), false); });
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    EXPECT_EQ(error.message(), "writing '" + at("out.vhd").string() + "': another bake is writing it");
    EXPECT_EQ(get(first.path(), 0, 9), "first");
  }
  const OutputFile second(at("out.vhd"), false);
  EXPECT_EQ(get(second.path(), 0, 9), "");
}

TEST_F(DiskOutput, RefusesPathsThatCannotBeFiles) {
  EXPECT_EQ(error_of([&] { OutputFile(at("none/out.vhd"), false); }).kind(), ErrorKind::usage);
  std::filesystem::create_directory(at("dir"));
  EXPECT_EQ(error_of([&] { OutputFile(at("dir"), true); }).message(),
            "writing '" + at("dir").string() + "': it is a directory");
}

TEST_F(DiskOutput, RefusesToWriteOnAnInput) {
  for (const auto* name : {"out.vhd", "out.vhd.partial", "out.vhd.partial.lock"}) {
    put(at("base.vhd"), 0, "base");
    std::filesystem::create_hard_link(at("base.vhd"), at(name));
    const auto error = error_of([&] { OutputFile(at("out.vhd"), true, {at("base.vhd")}); });
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.message(), "writing '" + at("out.vhd").string() + "': '" + at(name).string() + "' is an input");
    EXPECT_EQ(get(at("base.vhd"), 0, 9), "base");
    std::filesystem::remove(at(name));
  }
}

TEST_F(DiskOutput, DoesNotWriteThroughALinkLeftAtThePartialName) {
  put(at("victim"), 0, "precious");
  std::filesystem::create_symlink(at("victim"), at("out.vhd.partial"));
  OutputFile output(at("out.vhd"), false);
  put(output.path(), 0, "new");
  output.publish();
  EXPECT_EQ(get(at("victim"), 0, 9), "precious");
  EXPECT_EQ(get(at("out.vhd"), 0, 9), "new");
}

TEST_F(DiskOutput, DoesNotAppendAFooterThroughALink) {
  OutputFile output(at("out.vhd"), false);
  std::filesystem::resize_file(output.path(), mebibyte);
  const auto partial = output.path();
  std::filesystem::rename(partial, at("victim"));
  std::filesystem::create_symlink(at("victim"), partial);
  const auto message = "writing '" + partial.string() + "': another program replaced it";
  EXPECT_EQ(error_of([&] { output.append_footer(make_fixed_footer(mebibyte, test_time, test_uuid)); }).message(),
            message);
  EXPECT_EQ(std::filesystem::file_size(at("victim")), mebibyte);
  EXPECT_EQ(error_of([&] { static_cast<void>(output.path()); }).message(), message);
  EXPECT_EQ(error_of([&] { output.publish(); }).message(), message);
  EXPECT_FALSE(std::filesystem::exists(at("out.vhd")));
}

TEST_F(DiskOutput, RefusesADirectoryInWhichEveryUserMayReplaceFiles) {
  std::filesystem::create_directory(at("open"));
  std::filesystem::permissions(at("open"), std::filesystem::perms{0777});
  const auto error = error_of([&] { OutputFile(at("open/out.vhd"), false); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_EQ(error.message(),
            "writing '" + at("open/out.vhd").string() + "': every user may replace files in its directory");
  std::filesystem::permissions(at("open"), std::filesystem::perms{01777});
  OutputFile(at("open/out.vhd"), false).publish();
  EXPECT_TRUE(std::filesystem::exists(at("open/out.vhd")));
}

TEST_F(DiskOutput, RefusesAFooterThatDoesNotFit) {
  OutputFile output(at("out.vhd"), false);
  std::filesystem::resize_file(output.path(), 2 * mebibyte);
  EXPECT_EQ(error_of([&] { output.append_footer(make_fixed_footer(mebibyte, 0, test_uuid)); }).kind(), ErrorKind::bug);
}

TEST_F(DiskOutput, SurvivesKillMinusNine) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const OutputFile output(at("out.vhd"), false);
    std::filesystem::resize_file(output.path(), mebibyte);
    if (::write(ready[1], "r", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(error_of([&] { OutputFile(at("out.vhd"), false); }).kind(), ErrorKind::environment);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ::close(ready[0]);
  ::close(ready[1]);
  EXPECT_EQ(names(), (Names{"out.vhd.partial", "out.vhd.partial.lock"}));

  OutputFile next(at("out.vhd"), false);
  EXPECT_EQ(std::filesystem::file_size(next.path()), 0U);
  put(next.path(), 0, "done");
  next.publish();
  EXPECT_EQ(names(), Names{"out.vhd"});
  EXPECT_EQ(get(at("out.vhd"), 0, 9), "done");
}

TEST_F(DiskOutput, NamesBothNumbersWhenSpaceIsShort) {
  EXPECT_NO_THROW(require_free_space(at("out.vhd"), 1, "a byte"));
  const auto error = error_of([&] { require_free_space(at("out.vhd"), UINT64_MAX, "the copy of 'base.vhd'"); });
  EXPECT_EQ(error.kind(), ErrorKind::environment);
  EXPECT_NE(error.message().find("the copy of 'base.vhd' needs "), std::string::npos);
  EXPECT_NE(error.message().find("(18446744073709551615 bytes), but "), std::string::npos) << error.message();
}

}  // namespace
}  // namespace bake
