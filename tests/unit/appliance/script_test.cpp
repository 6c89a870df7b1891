#include "bake/appliance/script.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <sys/xattr.h>
#include <unistd.h>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {
namespace {

namespace fs = std::filesystem;
using States = std::map<std::string, std::string>;

/// A directory in place of /sysroot, on which the command runs with the programs of this machine.
class Fingerprints : public ::testing::Test {
 protected:
  Fingerprints() { fs::create_directories(at("/run/bake")); }

  [[nodiscard]] std::string at(const std::string& path) const { return directory_.path().string() + path; }
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(at(path)).parent_path());
    write_text_atomically(at(path), text);
    fs::permissions(at(path), fs::perms::owner_read | fs::perms::owner_write);
  }
  [[nodiscard]] States states(const std::vector<std::string>& files, const std::vector<std::string>& trees) const {
    write(files_list, fingerprint_list(files, true));
    write(trees_list, fingerprint_list(trees, false));
    EXPECT_EQ(status_of(fingerprint_command()), 0);
    return parse_fingerprints(read_text(at(states_file)), read_text(at(digests_file)));
  }
  /// Runs a command as the appliance does.
  [[nodiscard]] int status_of(const std::string& command, std::chrono::seconds limit = std::chrono::minutes(5)) const {
    const auto result = run_program({"/bin/sh", "-c", limited_command(directory_.path().string(), command, limit)});
    EXPECT_EQ(result.err, "");
    return parse_status(result.out);
  }
  [[nodiscard]] std::string tree_digest() const {
    EXPECT_EQ(status_of(tree_digest_command()), 0);
    return read_text(at(tree_digest_file));
  }
  /// Changes the permissions and the bits for setuid and setgid.
  void set_mode(const std::string& path, unsigned mode) const {
    fs::permissions(at(path), static_cast<fs::perms>(mode));
  }
  [[nodiscard]] static std::string file(const std::string& text) {
    return "0600 " + std::to_string(::getuid()) + ":" + std::to_string(::getgid()) + " " + digest_of(text);
  }

  TemporaryDirectory directory_;
};

TEST_F(Fingerprints, ListsEachFileWithItsDigest) {
  write("/etc/a", "x");
  write("/etc/two\nlines and blanks", "y");
  fs::create_symlink("/etc/a", at("/etc/link"));
  EXPECT_EQ(states({"/etc/a", "/etc/none", "/etc"}, {}), (States{{"/etc/a", file("x")}}));
  EXPECT_EQ(states({}, {"/etc"}),
            (States{{"/etc/a", file("x")}, {"/etc/link", "link /etc/a"}, {"/etc/two\nlines and blanks", file("y")}}));
  EXPECT_EQ(states({}, {}), States{});
}

TEST_F(Fingerprints, DoesNotHashAFileOfOneGibibyte) {
  write("/etc/huge", "");
  fs::resize_file(at("/etc/huge"), fingerprint_limit);
  write("/etc/large", "");
  fs::resize_file(at("/etc/large"), std::uint64_t{15} << 40U);
  const auto mode = file("").substr(0, file("").rfind(' '));
  const States expected{{"/etc/huge", mode + " 1073741824 bytes"}, {"/etc/large", mode + " 16492674416640 bytes"}};
  EXPECT_EQ(states({}, {"/etc"}), expected);
  EXPECT_EQ(states({"/etc/huge", "/etc/large"}, {}), expected);
}

TEST_F(Fingerprints, AFileBelowTheLimitWithoutADigestIsUnreadable) {
  const std::string nul("\0", 1);
  EXPECT_EQ(parse_fingerprints("f 644 0:0 1073741823 ./a" + nul + nul + "f 644 0:0 1073741824 ./b" + nul + nul, ""),
            (States{{"/a", "0644 0:0 unreadable"}, {"/b", "0644 0:0 1073741824 bytes"}}));
}

TEST_F(Fingerprints, ACommandEndsAfterItsLimit) {
  EXPECT_EQ(status_of("exit 3"), 3);
  const auto started = std::chrono::steady_clock::now();
  const int status = status_of("sleep 1000 | cat", std::chrono::seconds(1));
  const auto took = std::chrono::steady_clock::now() - started;
  EXPECT_TRUE(ended_by_limit(status, took, std::chrono::seconds(1))) << status;
  EXPECT_LT(took, std::chrono::seconds(60));
}

TEST_F(Fingerprints, SearchesSetuidFilesOnTheDisk) {
  for (const auto* path : {"/usr/bin/sudo", "/usr/bin/write", "/usr/bin/two\nlines", "/usr/bin/plain", "/proc/x"})
    write(path, "x");
  set_mode("/usr/bin/sudo", 04755);
  set_mode("/usr/bin/write", 02755);
  set_mode("/usr/bin/two\nlines", 06711);
  set_mode("/proc/x", 04755);
  set_mode("/usr", 02755);
  fs::create_symlink("sudo", at("/usr/bin/link"));
  EXPECT_EQ(status_of(privileged_command()), 0);
  auto found = split(read_text(at(setuid_file)), '\0');
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (std::vector<std::string>{"", "./usr/bin/sudo", "./usr/bin/two\nlines", "./usr/bin/write"}));
}

TEST_F(Fingerprints, TheTreeDigestCoversEverythingButTheContent) {
  write("/usr/bin/tool", "one");
  fs::create_symlink("tool", at("/usr/bin/link"));
  const auto first = tree_digest();
  write("/usr/bin/tool", "two");
  write("/proc/x", "");
  write("/run/y", "");
  EXPECT_EQ(tree_digest(), first);
  std::set<std::string> digests{first};
  const auto expect_new = [&](const char* what) { EXPECT_TRUE(digests.insert(tree_digest()).second) << what; };
  write("/usr/bin/tool", "three");
  expect_new("size");
  set_mode("/usr/bin/tool", 04755);
  expect_new("mode");
  set_mode("/usr/bin", 0700);
  expect_new("mode of a directory");
  fs::remove(at("/usr/bin/link"));
  expect_new("missing link");
  fs::create_symlink("other", at("/usr/bin/link"));
  expect_new("target");
  fs::create_directory(at("/usr/lib"));
  expect_new("new directory");
  fs::rename(at("/usr/lib"), at("/usr/lib2"));
  expect_new("name");
}

TEST(ParseCapabilities, ReadsWhatGetfattrPrints) {
  EXPECT_EQ(parse_capabilities("# file: usr/bin/ping\nsecurity.capability=0x0100\n\n"
                               "# file: ./usr/a\\012b\\134c\\\nsecurity.capability=0x02\n\n"
                               "# file: x\nuser.other=0x03\n"),
            (States{{"/usr/bin/ping", "0x0100"}, {"/usr/a\nb\\c\\", "0x02"}}));
  EXPECT_EQ(parse_capabilities("security.capability=0x01\n"), States{});
  EXPECT_EQ(parse_capabilities(""), States{});
}

TEST_F(Fingerprints, FindsEverySetuidFileWhenGetfattrEndsEarly) {
  for (int number = 0; number < 6000; ++number) write("/usr/bin/a-program-with-a-name-" + std::to_string(number), "");
  for (int number = 0; number < 6000; ++number)
    set_mode("/usr/bin/a-program-with-a-name-" + std::to_string(number), 0755);
  write("/usr/bin/zz-sudo", "");
  set_mode("/usr/bin/zz-sudo", 04755);
  const TemporaryDirectory programs;
  const auto getfattr = programs.path() / "getfattr";
  write_text_atomically(getfattr, "#!/bin/sh\nkill -9 $$\n");
  fs::permissions(getfattr, fs::perms::owner_all);
  const auto result =
      run_program({"/bin/sh", "-c",
                   "PATH=" + programs.path().string() + ":$PATH; " +
                       limited_command(directory_.path().string(), privileged_command(), std::chrono::minutes(5))});
  EXPECT_EQ(parse_status(result.out), 0);
  EXPECT_EQ(split(read_text(at(setuid_file)), '\0'), (std::vector<std::string>{"./usr/bin/zz-sudo", ""}));
}

TEST_F(Fingerprints, FindsFilesWithoutALabel) {
  const auto label = [this](const std::string& path, const std::string& text) {
    return ::lsetxattr(at(path).c_str(), "security.selinux", text.c_str(), text.size() + 1, 0) == 0;
  };
  for (const auto* path : {"/usr/labelled", "/usr/unlabeled", "/usr/file", "/usr/two\nlines and b\\c", "/run/x"})
    write(path, "");
  fs::create_symlink("labelled", at("/usr/link"));
  if (!label("/usr/labelled", "system_u:object_r:file_type_t:s0"))
    GTEST_SKIP() << "files of the temporary directory cannot have SELinux labels: " << std::strerror(errno);
  EXPECT_TRUE(label("/usr/unlabeled", "system_u:object_r:unlabeled_t:s0"));
  EXPECT_TRUE(label("/usr/file", "system_u:object_r:file_t"));
  EXPECT_TRUE(label("/usr", "system_u:object_r:usr_t:s0"));
  EXPECT_EQ(status_of(without_label_command()), 0);
  EXPECT_EQ(parse_without_label(read_text(at(without_label_file))),
            (std::vector<std::string>{"/", "/usr/file", "/usr/link", "/usr/two\nlines and b\\c", "/usr/unlabeled"}));
  EXPECT_FALSE(fs::exists(at(without_label_file) + std::string(".missing")));
}

TEST(ParseWithoutLabel, ReadsBothFormsOfAPath) {
  EXPECT_EQ(parse_without_label("usr/f\n./usr/b\\134c\n.\n\n"), (std::vector<std::string>{"/", "/usr/b\\c", "/usr/f"}));
}

TEST_F(Fingerprints, LeavesOutFilesBelowALink) {
  write("/good/x", "x");
  // A started VM would find another file there than the appliance does.
  fs::create_symlink(at("/good"), at("/lib"));
  EXPECT_EQ(states({"/lib/x"}, {}), (States{{"/lib", "link " + at("/good")}}));
}

TEST(FingerprintList, HasOnlyPathsThatAreOnTheDisk) {
  const std::string nul("\0", 1);
  EXPECT_EQ(fingerprint_list({"/a/b", "//a//c/", "/a/../d", "/proc/1", "/sys", "/dev/x", "/run/x", "/", "e"}, false),
            "./a/b" + nul + "./a/c" + nul);
  EXPECT_EQ(fingerprint_list({"/a/b"}, true), "./a" + nul + "./a/b" + nul);
}

}  // namespace
}  // namespace bake::guest
