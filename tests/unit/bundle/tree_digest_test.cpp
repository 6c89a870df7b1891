#include "bake/bundle/tree_digest.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "tests/support/error_of.hpp"

namespace bake::bundle {
namespace {

namespace fs = std::filesystem;

class TreeDigestTest : public ::testing::Test {
 protected:
  TreeDigestTest() {
    fs::create_directories(root() / "RPMS");
    write("RPMS/a.rpm", "one", 0644);
    write("install.sh", "two", 0755);
    fs::create_symlink("RPMS/a.rpm", root() / "link");
    ::chmod((root() / "RPMS").c_str(), 0755);
  }
  [[nodiscard]] fs::path root() const { return scratch_.path() / "tree"; }
  void write(const std::string& path, const std::string& content, unsigned mode) const {
    write_text_atomically(root() / path, content);
    ::chmod((root() / path).c_str(), mode);
  }
  [[nodiscard]] std::string digest() const { return digest_of_tree(root(), {}); }
  [[nodiscard]] std::string refusal() const {
    return error_of([&] { static_cast<void>(digest()); }).message();
  }

 private:
  TemporaryDirectory scratch_;
};

TEST_F(TreeDigestTest, IsTheDigestOfTheSortedLines) {
  const auto one = digest_of("one"), two = digest_of("two");
  EXPECT_EQ(digest(), digest_of("bake tree 1\n"
                                "directory\t0755\t-\tRPMS\n"
                                "file\t0644\t" +
                                one +
                                "\tRPMS/a.rpm\n"
                                "file\t0755\t" +
                                two +
                                "\tinstall.sh\n"
                                "link\t0777\tRPMS/a.rpm\tlink\n"));
}

TEST_F(TreeDigestTest, ChangesWithEveryPartOfTheTreeButNotWithTimes) {
  const auto before = digest();
  fs::last_write_time(root() / "RPMS/a.rpm", fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(digest(), before);
  write("RPMS/a.rpm", "eno", 0644);
  const auto content = digest();
  EXPECT_NE(content, before);
  write("RPMS/a.rpm", "one", 0640);
  EXPECT_NE(digest(), before);
  write("RPMS/a.rpm", "one", 0644);
  EXPECT_EQ(digest(), before);
  fs::create_directory(root() / "empty");
  EXPECT_NE(digest(), before);
  fs::remove(root() / "empty");
  fs::remove(root() / "link");
  fs::create_symlink("install.sh", root() / "link");
  EXPECT_NE(digest(), before);
}

TEST_F(TreeDigestTest, LinksThatLeaveTheTreeAreRefused) {
  fs::create_symlink("/etc/passwd", root() / "RPMS/b.rpm");
  EXPECT_NE(refusal().find("entry 'RPMS/b.rpm' is a link to the absolute path '/etc/passwd'"), std::string::npos);
  fs::remove(root() / "RPMS/b.rpm");
  fs::create_symlink("../../secret", root() / "RPMS/b.rpm");
  EXPECT_NE(refusal().find("entry 'RPMS/b.rpm' is a link that leaves the top directory: '../../secret'"),
            std::string::npos);
}

TEST_F(TreeDigestTest, DevicesAndManyEntriesAreRefused) {
  ASSERT_EQ(::mkfifo((root() / "pipe").c_str(), 0600), 0);
  EXPECT_NE(refusal().find("entry 'pipe' is a fifo"), std::string::npos);
  fs::remove(root() / "pipe");
  archive::EntryLimits limits;
  limits.entries = 3;
  EXPECT_EQ(error_of([&] { digest_of_tree(root(), limits); }).kind(), ErrorKind::untrusted);
}

}  // namespace
}  // namespace bake::bundle
