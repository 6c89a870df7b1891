#pragma once

#include <gtest/gtest.h>
#include <string>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// The behaviour of Guest, as one suite for every implementation. A backend provides:
///   Guest& guest()                                a guest with an empty directory /contract
///   void expect_script(script, ShellResult)       sets the answer of a real /bin/sh in a fake
/// and has attached, as payload 0, a file system with "hello.txt" ("hello from the payload\n") and "inner/deep".
template <class Backend>
class GuestContract : public testing::Test {
 protected:
  Guest& guest() { return backend_.guest(); }
  /// A directory for one test, because the whole suite shares a real guest.
  std::string here(const std::string& name) {
    return std::string("/contract/") + testing::UnitTest::GetInstance()->current_test_info()->name() + "/" + name;
  }
  std::string dir() { return here("").substr(0, here("").size() - 1); }
  void expect_script(const std::string& script, const ShellResult& result) { backend_.expect_script(script, result); }

  template <class Call>
  std::string message_of(Call call) {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::failed);
      return error.message();
    }
    return "nothing thrown";
  }

 private:
  Backend backend_;
};

TYPED_TEST_SUITE_P(GuestContract);

TYPED_TEST_P(GuestContract, WritesReadsAndMakesParents) {
  auto& guest = this->guest();
  EXPECT_EQ(guest.read(this->here("a/b/file")), std::nullopt);
  EXPECT_FALSE(guest.exists(this->here("a")));
  guest.write(this->here("a/b/file"), std::string("zero \0 byte\n", 12), 0640);
  EXPECT_EQ(guest.read(this->here("a/b/file")), std::string("zero \0 byte\n", 12));
  EXPECT_EQ(guest.stat(this->here("a/b/file")), (FileStat{FileType::regular, 0640, 12, 0, 0}));
  EXPECT_EQ(guest.stat(this->here("a/b")), (FileStat{FileType::directory, 0755, 0, 0, 0}));
  EXPECT_TRUE(guest.exists(this->here("a/b")));
  EXPECT_EQ(guest.read(this->here("a/b")), std::nullopt) << "a directory is not a file";
  EXPECT_EQ(guest.read(this->here("a/b/file/beyond")), std::nullopt);
}

TYPED_TEST_P(GuestContract, KeepsModeOfWhatItReplaces) {
  auto& guest = this->guest();
  guest.write(this->here("file"), "one", 0600);
  guest.write(this->here("file"), "", 0644);
  EXPECT_EQ(guest.stat(this->here("file")), (FileStat{FileType::regular, 0600, 0, 0, 0}));
  EXPECT_EQ(guest.read(this->here("file")), "");
  guest.set_mode(this->here("file"), 04755);
  EXPECT_EQ(guest.stat(this->here("file"))->mode, 04755U);
}

TYPED_TEST_P(GuestContract, RefusesToReadMoreThanTheLimit) {
  auto& guest = this->guest();
  guest.write(this->here("file"), "12345");
  EXPECT_EQ(guest.read(this->here("file"), 5), "12345");
  EXPECT_EQ(this->message_of([&] { guest.read(this->here("file"), 4); }),
            "reading '" + this->here("file") + "' in the guest: it has 5 bytes, more than the limit of 4 bytes");
  guest.write(this->here("text"), std::string(text_limit, '\n'));
  EXPECT_EQ(guest.read(this->here("text")).value_or("").size(), text_limit);
  guest.write(this->here("text"), std::string(text_limit + 1, '\n'));
  guest.make_link("text", this->here("link"));
  for (const auto* name : {"text", "link"})
    EXPECT_EQ(
        this->message_of([&] { guest.read(this->here(name)); }),
        "reading '" + this->here(name) + "' in the guest: it has 4194305 bytes, more than the limit of 4194304 bytes");
}

TYPED_TEST_P(GuestContract, CarriesLargeFiles) {
  auto& guest = this->guest();
  std::string large;
  for (int i = 0; large.size() < (std::size_t{5} << 20U); ++i) large += std::to_string(i) + "\n";
  guest.write(this->here("file"), large);
  EXPECT_TRUE(guest.read(this->here("file"), large.size()) == large);
  const TemporaryDirectory directory;
  write_text_atomically(directory.path() / "host", "from the host\n");
  guest.upload(directory.path() / "host", this->here("up/loaded"), 0755);
  EXPECT_EQ(guest.read(this->here("up/loaded")), "from the host\n");
  EXPECT_EQ(guest.stat(this->here("up/loaded")), (FileStat{FileType::regular, 0755, 14, 0, 0}));
}

TYPED_TEST_P(GuestContract, ListsSortedNames) {
  auto& guest = this->guest();
  for (const auto* name : {"b", "a", ".hidden", "B", "with space"}) guest.write(this->here(name), name);
  guest.write(this->here("sub/inner"), "");
  EXPECT_EQ(guest.list(this->dir()), (std::vector<std::string>{".hidden", "B", "a", "b", "sub", "with space"}));
  EXPECT_TRUE(guest.list(this->here("absent")).empty());
  EXPECT_TRUE(guest.list(this->here("a")).empty()) << "a file has no entries";
}

TYPED_TEST_P(GuestContract, ResolvesLinksInsideTheGuest) {
  auto& guest = this->guest();
  guest.write(this->here("real/file"), "content");
  guest.make_link("real", this->here("relative"));
  guest.make_link(this->here("real"), this->here("absolute"));
  guest.make_link("../../../../../.." + this->here("real/file"), this->here("upwards"));
  guest.make_link("nowhere", this->here("dangling"));
  for (const auto* way : {"relative/file", "absolute/file", "upwards", "relative/../absolute/file"})
    EXPECT_EQ(guest.read(this->here(way)), "content") << way;
  EXPECT_EQ(guest.list(this->here("absolute")), std::vector<std::string>{"file"});
  EXPECT_EQ(guest.read_link(this->here("relative")), "real");
  EXPECT_EQ(guest.read_link(this->here("real")), std::nullopt);
  EXPECT_EQ(guest.read_link(this->here("absent")), std::nullopt);
  EXPECT_EQ(guest.stat(this->here("relative"))->type, FileType::symlink);
  EXPECT_EQ(guest.target_stat(this->here("relative"))->type, FileType::directory);
  EXPECT_EQ(guest.target_stat(this->here("upwards")), guest.stat(this->here("real/file")));
  EXPECT_EQ(guest.target_stat(this->here("dangling")), std::nullopt);
  EXPECT_FALSE(guest.exists(this->here("dangling")));
  EXPECT_EQ(guest.stat(this->here("dangling"))->type, FileType::symlink);
  EXPECT_EQ(guest.read(this->here("dangling")), std::nullopt);
}

TYPED_TEST_P(GuestContract, TreatsLinkLoopsAsAbsent) {
  auto& guest = this->guest();
  guest.make_directories(this->dir());
  guest.make_link("loop-b", this->here("loop-a"));
  guest.make_link("loop-a", this->here("loop-b"));
  EXPECT_FALSE(guest.exists(this->here("loop-a")));
  EXPECT_EQ(guest.read(this->here("loop-a")), std::nullopt);
  EXPECT_EQ(guest.read(this->here("loop-a/below")), std::nullopt);
  EXPECT_TRUE(guest.list(this->here("loop-a")).empty());
}

TYPED_TEST_P(GuestContract, WritesThroughLinks) {
  auto& guest = this->guest();
  guest.write(this->here("real/file"), "old", 0600);
  guest.make_link(this->here("real/file"), this->here("link"));
  guest.write(this->here("link"), "new");
  EXPECT_EQ(guest.read(this->here("real/file")), "new");
  EXPECT_EQ(guest.stat(this->here("real/file"))->mode, 0600U);
  EXPECT_EQ(guest.stat(this->here("link"))->type, FileType::symlink);
  guest.make_link("created", this->here("real/to-be"));
  guest.write(this->here("real/to-be"), "made");
  EXPECT_EQ(guest.read(this->here("real/created")), "made");
}

TYPED_TEST_P(GuestContract, MakesLinksAtTheirPathNotInsideTheirTargets) {
  auto& guest = this->guest();
  guest.make_directories(this->here("real"));
  guest.make_link("real", this->here("link"));
  guest.make_link("elsewhere", this->here("link"));
  EXPECT_EQ(guest.read_link(this->here("link")), "elsewhere");
  EXPECT_TRUE(guest.list(this->here("real")).empty());
  guest.write(this->here("file"), "x");
  guest.make_link("target", this->here("file"));
  EXPECT_EQ(guest.read_link(this->here("file")), "target");
  guest.make_link(this->here("real"), this->here("way"));
  guest.make_link("-n", this->here("way/inner"));
  EXPECT_EQ(guest.read_link(this->here("real/inner")), "-n");
  EXPECT_EQ(this->message_of([&] { guest.make_link("x", this->here("real")); }),
            "making link '" + this->here("real") + "' in the guest: Is a directory");
}

TYPED_TEST_P(GuestContract, RemovesTreesAndLinksButNotTargets) {
  auto& guest = this->guest();
  guest.write(this->here("real/a/b"), "x");
  guest.make_link(this->here("real"), this->here("link"));
  guest.remove(this->here("link"));
  EXPECT_TRUE(guest.exists(this->here("real/a/b")));
  guest.make_link(this->here("real"), this->here("link"));
  guest.remove(this->here("link/a"));
  EXPECT_TRUE(guest.list(this->here("real")).empty());
  guest.remove(this->here("absent"));
  guest.remove(this->dir());
  EXPECT_FALSE(guest.exists(this->dir()));
}

TYPED_TEST_P(GuestContract, MakesDirectoriesWithTheirMode) {
  auto& guest = this->guest();
  guest.make_directories(this->here("a"), 0755);
  guest.make_directories(this->here("a/b/c"), 0700);
  guest.make_directories(this->here("a/b/c"), 0777);
  EXPECT_EQ(guest.stat(this->here("a"))->mode, 0755U);
  EXPECT_EQ(guest.stat(this->here("a/b"))->mode, 0700U);
  EXPECT_EQ(guest.stat(this->here("a/b/c"))->mode, 0700U);
  guest.write(this->here("file"), "");
  EXPECT_EQ(this->message_of([&] { guest.make_directories(this->here("file/below")); }),
            "making directory '" + this->here("file/below") + "' in the guest: Not a directory");
}

TYPED_TEST_P(GuestContract, NamesThePathOfWhatFails) {
  auto& guest = this->guest();
  guest.make_directories(this->dir());
  EXPECT_NE(this->message_of([&] { guest.set_mode(this->here("absent"), 0644); })
                .find("changing mode of '" + this->here("absent") + "' in the guest: "),
            std::string::npos);
  EXPECT_EQ(this->message_of([&] { guest.write(this->dir(), "x"); }),
            "writing '" + this->dir() + "' in the guest: not a regular file");
  guest.make_link("nowhere", this->here("dangling"));
  EXPECT_NE(this->message_of([&] { guest.make_directories(this->here("dangling/below")); })
                .find("making directory '" + this->here("dangling")),
            std::string::npos);
  EXPECT_THROW(guest.read("relative/path"), Error);
  EXPECT_THROW(guest.write(std::string("/contract/nul\0x", 15), ""), Error);
}

TYPED_TEST_P(GuestContract, RunsScripts) {
  auto& guest = this->guest();
  const auto check = [&](const std::string& script, int status, const std::string& output) {
    this->expect_script(script, {status, output});
    const auto result = guest.shell(script);
    EXPECT_EQ(result.status, status) << script;
    EXPECT_EQ(result.output, output) << script;
  };
  check("echo out; echo err >&2; echo 'it'\"'\"'s'", 0, "out\nerr\nit's\n");
  check("printf partial; exit 3", 3, "partial");
  check("pwd; umask; echo \"$PATH $HOME $LC_ALL\"; cat; id -u", 0,
        "/\n0022\n/usr/sbin:/usr/bin:/sbin:/bin /root C\n0\n");
  check("for x in dev proc sys run; do [ -d /$x ] && echo $x; done; [ -r /proc/self/status ] && [ -c /dev/null ]", 0,
        "dev\nproc\nsys\nrun\n");
  check("no-such-program-here 2>/dev/null", 127, "");
}

TYPED_TEST_P(GuestContract, FingerprintsFilesAndTrees) {
  using States = std::map<std::string, std::string>;
  auto& guest = this->guest();
  guest.write(this->here("a b"), "x", 0640);
  guest.make_link("a b", this->here("link"));
  guest.write(this->here("d/tool"), "y", 04755);
  guest.make_link("d", this->here("e"));
  const States link{{this->here("link"), "link a b"}};
  const States file{{this->here("a b"), "0640 0:0 " + digest_of("x")}};
  auto expected = file;
  expected.insert(link.begin(), link.end());
  EXPECT_EQ(guest.fingerprints({this->here("a b"), this->here("link"), this->here("d"), this->here("missing"),
                                this->here("e/tool"), "/contract/../contract", "/proc/version"},
                               {}),
            expected);
  expected[this->here("d/tool")] = "4755 0:0 " + digest_of("y");
  expected[this->here("e")] = "link d";
  EXPECT_EQ(guest.fingerprints({}, {this->dir()}), expected);
  EXPECT_EQ(guest.fingerprints({}, {this->here("missing"), this->here("link")}), link);
  EXPECT_EQ(guest.fingerprints({}, {}), States{});
}

TYPED_TEST_P(GuestContract, FindsPrivilegedFiles) {
  auto& guest = this->guest();
  guest.write(this->here("su"), "x", 0755);
  guest.write(this->here("plain"), "x", 0755);
  EXPECT_FALSE(guest.privileged_files().setuid.contains(this->here("su")));
  guest.set_mode(this->here("su"), 04755);
  guest.make_link("su", this->here("link"));
  auto found = guest.privileged_files();
  std::erase_if(found.setuid, [&](const auto& file) { return !file.first.starts_with(this->dir()); });
  EXPECT_EQ(found.setuid, (std::map<std::string, std::string>{{this->here("su"), "4755 0:0 " + digest_of("x")}}));
  EXPECT_TRUE(found.capabilities.has_value());
}

TYPED_TEST_P(GuestContract, TheTreeDigestCoversNamesModesAndSizes) {
  auto& guest = this->guest();
  guest.write(this->here("file"), "one");
  const auto first = guest.tree_digest();
  EXPECT_EQ(first.size(), 64U);
  guest.write(this->here("file"), "two");
  EXPECT_EQ(guest.tree_digest(), first);
  guest.write(this->here("file"), "three");
  const auto second = guest.tree_digest();
  EXPECT_NE(second, first);
  guest.set_mode(this->here("file"), 0600);
  const auto third = guest.tree_digest();
  EXPECT_NE(third, second);
  guest.make_link("a", this->here("link"));
  const auto fourth = guest.tree_digest();
  EXPECT_NE(fourth, third);
  guest.make_link("b", this->here("link"));
  EXPECT_NE(guest.tree_digest(), fourth);
}

TYPED_TEST_P(GuestContract, FindsFilesWithoutALabel) {
  auto& guest = this->guest();
  guest.write(this->here("a b\\c"), "x");
  guest.make_link("a", this->here("link"));
  guest.write("/run/contract", "x");
  auto found = guest.files_without_label();
  guest.remove("/run/contract");
  ASSERT_TRUE(found.has_value());
  std::erase_if(*found,
                [&](const auto& path) { return !path.starts_with(this->dir() + "/") && path != "/run/contract"; });
  EXPECT_EQ(*found, (std::vector<std::string>{this->here("a b\\c"), this->here("link")}));
}

TYPED_TEST_P(GuestContract, TellsFreeSpace) {
  auto& guest = this->guest();
  EXPECT_GT(guest.free_bytes("/"), std::uint64_t{1} << 20U);
  EXPECT_EQ(guest.free_bytes("/no/such/directory/yet"), guest.free_bytes("/"));
}

TYPED_TEST_P(GuestContract, MountsPayloadsReadOnlyAndLeavesNoTrace) {
  auto& guest = this->guest();
  guest.make_directories(this->dir());
  guest.mount_payload(0, this->here("payload"));
  EXPECT_EQ(guest.read(this->here("payload/hello.txt")), "hello from the payload\n");
  EXPECT_TRUE(guest.exists(this->here("payload/inner/deep")));
  EXPECT_NE(this->message_of([&] { guest.write(this->here("payload/new"), "x"); }), "nothing thrown");
  EXPECT_NE(this->message_of([&] { guest.remove(this->dir()); }), "nothing thrown");
  guest.unmount_payload(this->here("payload"));
  EXPECT_TRUE(guest.list(this->dir()).empty()) << "a created mount point is removed again";

  guest.make_directories(this->here("kept"));
  guest.mount_payload(0, this->here("kept"));
  guest.unmount_payload(this->here("kept"));
  EXPECT_EQ(guest.list(this->dir()), std::vector<std::string>{"kept"});
  EXPECT_EQ(this->message_of([&] { guest.unmount_payload(this->here("kept")); }),
            "unmounting payload from '" + this->here("kept") + "' in the guest: not mounted");
  EXPECT_EQ(this->message_of([&] { guest.mount_payload(7, this->here("kept")); }),
            "mounting payload on '" + this->here("kept") + "' in the guest: no such payload is attached");
  guest.write(this->here("kept/file"), "");
  EXPECT_EQ(this->message_of([&] { guest.mount_payload(0, this->here("kept")); }),
            "mounting payload on '" + this->here("kept") + "' in the guest: not an empty directory");
}

REGISTER_TYPED_TEST_SUITE_P(GuestContract, WritesReadsAndMakesParents, KeepsModeOfWhatItReplaces,
                            RefusesToReadMoreThanTheLimit, CarriesLargeFiles, ListsSortedNames,
                            ResolvesLinksInsideTheGuest, TreatsLinkLoopsAsAbsent, WritesThroughLinks,
                            MakesLinksAtTheirPathNotInsideTheirTargets, RemovesTreesAndLinksButNotTargets,
                            MakesDirectoriesWithTheirMode, NamesThePathOfWhatFails, RunsScripts,
                            FingerprintsFilesAndTrees, FindsPrivilegedFiles, FindsFilesWithoutALabel,
                            TheTreeDigestCoversNamesModesAndSizes, TellsFreeSpace,
                            MountsPayloadsReadOnlyAndLeavesNoTrace);

}  // namespace bake::guest
