#include "bake/store/checksum_file.hpp"

#include <gtest/gtest.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "tests/support/error_of.hpp"

namespace bake::store {
namespace {

const std::string a_digest(64, 'a');
const std::string b_digest(64, 'b');
const std::string name = "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel8.2-x86_64.tgz";

class ChecksumFileTest : public ::testing::Test {
 protected:
  std::string digest_in(const std::string& text) {
    write_text_atomically(file(), text);
    return digest_in_checksum_file(file(), {name});
  }
  Error refusal_of(const std::string& text) {
    return error_of([&] { digest_in(text); });
  }
  [[nodiscard]] std::filesystem::path file() const { return scratch_.path() / "SHA256SUMS"; }

 private:
  TemporaryDirectory scratch_;
};

TEST_F(ChecksumFileTest, TheLineOfTheArchiveCounts) {
  EXPECT_EQ(digest_in(a_digest + "  other.tgz\n" + b_digest + "  " + name + "\n"), b_digest);
  EXPECT_EQ(digest_in(std::string(64, 'B') + " *./dir/" + name + "\r\n"), b_digest);
  EXPECT_EQ(digest_in("# comment\n\nSHA256 (" + name + ") = " + a_digest + "\n"), a_digest);
  EXPECT_EQ(digest_in(a_digest + "  " + name + "\n" + a_digest + "  x/" + name + "\n"), a_digest);
}

TEST_F(ChecksumFileTest, AFileOfOneDigestIsAboutTheArchive) {
  EXPECT_EQ(digest_in(a_digest), a_digest);
  EXPECT_EQ(digest_in(std::string(64, 'B') + "\r\n\n"), b_digest);
  for (const auto& text : {a_digest + "\n" + a_digest + "\n", a_digest + " \n# comment\n", a_digest + "a\n"})
    EXPECT_EQ(refusal_of(text).message(),
              "reading the checksum file '" + file().string() + "': no line has the name " + name)
        << text;
}

TEST_F(ChecksumFileTest, AFileWithoutTheArchiveIsRefused) {
  const auto other = refusal_of(a_digest + "  other.tgz\n" + b_digest.substr(1) + "  " + name + "\n");
  EXPECT_EQ(other.kind(), ErrorKind::usage);
  EXPECT_EQ(other.message(), "reading the checksum file '" + file().string() + "': no line has the name " + name);
  EXPECT_EQ(other.hint(), "it has other.tgz");
  EXPECT_EQ(refusal_of(a_digest.substr(1) + "\n").hint(),
            "each line must be '<sha256>  <name>', as sha256sum writes it; or the file is one digest");
  EXPECT_EQ(refusal_of(a_digest + "  " + name + "\n" + b_digest + "  " + name + "\n").message(),
            "reading the checksum file '" + file().string() + "': it has 2 digests of " + name);
}

}  // namespace
}  // namespace bake::store
