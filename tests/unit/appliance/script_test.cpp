#include "bake/appliance/script.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"

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
    const auto result = run_program({"/bin/sh", "-c", fingerprint_command(directory_.path().string())});
    EXPECT_EQ(result.status, 0) << result.err;
    return parse_fingerprints(read_text(at(states_file)), read_text(at(digests_file)));
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
