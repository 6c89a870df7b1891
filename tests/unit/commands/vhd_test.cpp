#include <cstdlib>
#include <sstream>

#include "bake/base/digest.hpp"
#include "bake/base/process.hpp"
#include "bake/commands/commands.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake::cli {
namespace {

using Names = std::vector<std::string>;

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

Outcome bake(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = run(arguments, out, err);
  return {status, out.str(), err.str()};
}

class CliVhd : public DiskTest {
 protected:
  CliVhd() { ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1); }
  ~CliVhd() override { ::unsetenv("SOURCE_DATE_EPOCH"); }
  [[nodiscard]] std::string name(std::string_view file) const { return at(file).string(); }
};

TEST_F(CliVhd, TheLogEndsWithTheError) {
  EXPECT_EQ(bake({"--log", name("log"), "vhd", "info", name("nothing.vhd")}).status, 2);
  EXPECT_EQ(read_text(at("log")), "error: opening '" + name("nothing.vhd") + "': no such file\n");
}

TEST_F(CliVhd, InfoShowsEveryField) {
  const auto file = fixed_vhd("good.vhd", 2 * mebibyte).string();
  const auto outcome = bake({"vhd", "info", file});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out, "file             " + file +
                             "\n"
                             "format           fixed VHD\n"
                             "file size        2097664 bytes (2 MiB)\n"
                             "virtual size     2097152 bytes (2 MiB)\n"
                             "original size    2097152 bytes (2 MiB)\n"
                             "geometry         65535/16/255\n"
                             "created          2023-11-14T22:13:20Z\n"
                             "creator          qem2 5.3 on Wi2k\n"
                             "uuid             01234567-89ab-5cde-8f01-23456789abcd\n"
                             "version          1.0\n"
                             "features         0x2\n"
                             "data offset      0xffffffffffffffff\n"
                             "checksum         0xffffe5a1, valid\n"
                             "saved state      no\n"
                             "verdict          ready for Azure\n");
}

TEST_F(CliVhd, InfoAsJson) {
  const auto file = fixed_vhd("good.vhd", 2 * mebibyte).string();
  const auto outcome = bake({"--json", "vhd", "info", file});
  EXPECT_EQ(outcome.status, 0);
  const auto document = Json::parse(outcome.out);
  EXPECT_EQ(document["format"], "fixed VHD");
  EXPECT_EQ(document["virtual_size"], 2 * mebibyte);
  EXPECT_EQ(document["ready"], true);
  EXPECT_EQ(document["footer"]["creator_app"], "qem2");
  EXPECT_EQ(document["footer"]["current_size"], 2 * mebibyte);
  EXPECT_EQ(document["footer"]["checksum"], document["footer"]["computed_checksum"]);
  EXPECT_EQ(document["errors"], Json::array());
}

TEST_F(CliVhd, InfoNamesARawDisk) {
  const auto outcome = bake({"--json", "vhd", "info", raw_disk("a.vhd", mebibyte).string()});
  EXPECT_EQ(outcome.status, 0);
  const auto document = Json::parse(outcome.out);
  EXPECT_EQ(document["format"], "raw");
  EXPECT_EQ(document["ready"], false);
  EXPECT_TRUE(document["footer"].is_null());
}

TEST_F(CliVhd, CheckEndsWithZeroOrSeven) {
  const auto good = fixed_vhd("good.vhd", mebibyte).string();
  EXPECT_EQ(bake({"vhd", "check", good}).status, 0);
  EXPECT_EQ(bake({"vhd", "check", good}).out, good + ": ready for Azure\n");

  const auto bad = fixed_vhd("bad.vhd", mebibyte + 512, [](VhdFooter& footer) { footer.saved_state = 1; }).string();
  const auto outcome = bake({"vhd", "check", bad});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.out,
            bad +
                ": not ready for Azure: 2 problems\n"
                "error: saved state: the virtual machine was suspended, not shut down (shut it down and export the "
                "disk again)\n"
                "error: virtual size: 1049088 bytes is not a multiple of 1 MiB, which Azure requires (pad it to "
                "a multiple of 1 MiB)\n");
  const auto document = Json::parse(bake({"--json", "vhd", "check", bad}).out);
  EXPECT_EQ(document["ready"], false);
  EXPECT_EQ(document["errors"][0]["field"], "saved state");

  EXPECT_EQ(bake({"vhd", "check", raw_disk("a.raw", mebibyte).string()}).status, 7);
  EXPECT_EQ(bake({"vhd", "check", name("missing")}).status, 2);
}

TEST_F(CliVhd, WrapPadsToAWholeMebibyte) {
  const auto raw = raw_disk("odd.raw", 3 * mebibyte + 512);
  const auto before = digest_of_file(raw);
  const auto outcome = bake({"--json", "vhd", "wrap", raw.string(), "-o", name("out.vhd")});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const auto document = Json::parse(outcome.out);
  EXPECT_EQ(document["virtual_size"], 4 * mebibyte);
  EXPECT_EQ(document["padding"], mebibyte - 512);
  EXPECT_EQ(document["source_format"], "raw");
  EXPECT_EQ(digest_of_file(raw), before);
  EXPECT_EQ(names(), (Names{"odd.raw", "out.vhd"}));
  EXPECT_EQ(bake({"vhd", "check", name("out.vhd")}).status, 0);
  EXPECT_EQ(get(at("out.vhd"), 0, 3 * mebibyte + 512), get(raw, 0, 3 * mebibyte + 512));
  EXPECT_LE(allocated(at("out.vhd")), allocated(raw) + mebibyte / 8);
  const auto theirs = run_program({"qemu-img", "info", "-f", "vpc", name("out.vhd")});
  EXPECT_NE(theirs.out.find("(4194304 bytes)"), std::string::npos) << theirs.out;
}

TEST_F(CliVhd, WrapIsReproducible) {
  const auto raw = raw_disk("a.raw", 2 * mebibyte).string();
  ASSERT_EQ(bake({"vhd", "wrap", raw, "-o", name("1.vhd")}).status, 0);
  ASSERT_EQ(bake({"vhd", "wrap", raw, "-o", name("2.vhd")}).status, 0);
  EXPECT_EQ(digest_of_file(at("1.vhd")), digest_of_file(at("2.vhd")));
  put(raw, 100, "another disk");
  ASSERT_EQ(bake({"vhd", "wrap", raw, "-o", name("3.vhd")}).status, 0);
  EXPECT_NE(get(at("3.vhd"), 2 * mebibyte + 68, 16), get(at("1.vhd"), 2 * mebibyte + 68, 16));
}

TEST_F(CliVhd, WrapConvertsQcow2AndUnwrapReturnsTheDisk) {
  const auto raw = raw_disk("a.raw", 4 * mebibyte);
  ASSERT_EQ(run_program({"qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw.string(), name("a.qcow2")}).status, 0);
  const auto wrapped = bake({"--progress", "plain", "vhd", "wrap", name("a.qcow2"), "-o", name("a.vhd")});
  EXPECT_EQ(wrapped.status, 0) << wrapped.err;
  EXPECT_NE(wrapped.err.find("converting qcow2 '" + name("a.qcow2") + "' (4 MiB) to raw with qemu-img"),
            std::string::npos)
      << wrapped.err;
  EXPECT_EQ(bake({"vhd", "check", name("a.vhd")}).status, 0);
  EXPECT_EQ(bake({"vhd", "unwrap", name("a.vhd"), "-o", name("b.raw")}).status, 0);
  EXPECT_EQ(digest_of_file(at("b.raw")), digest_of_file(raw));
}

TEST_F(CliVhd, WrapDropsADamagedFooterOnlyWithTheOption) {
  const auto file = fixed_vhd("bad.vhd", mebibyte);
  put(file, mebibyte + 300, "spoiled");
  EXPECT_EQ(bake({"vhd", "wrap", file.string(), "-o", name("out.vhd")}).status, 1);
  EXPECT_EQ(names(), Names{"bad.vhd"});
  EXPECT_EQ(bake({"vhd", "wrap", "--drop-footer", file.string(), "-o", name("out.vhd")}).status, 0);
  EXPECT_EQ(bake({"vhd", "check", name("out.vhd")}).status, 0);
  EXPECT_EQ(get(at("out.vhd"), 0, mebibyte), get(file, 0, mebibyte));
}

TEST_F(CliVhd, WrongUseWritesNothing) {
  const auto raw = raw_disk("a.raw", mebibyte).string();
  put(at("taken.vhd"), 0, "old");
  const auto refused = bake({"vhd", "wrap", raw, "-o", name("taken.vhd")});
  EXPECT_EQ(refused.status, 2);
  EXPECT_EQ(refused.err,
            "bake: error: writing '" + name("taken.vhd") + "': it exists\nbake: hint: --force replaces it\n");
  EXPECT_EQ(get(at("taken.vhd"), 0, 9), "old");
  EXPECT_EQ(bake({"vhd", "wrap", raw, "-o", raw, "--force"}).status, 2);
  EXPECT_EQ(bake({"vhd", "unwrap", raw, "-o", name("b.raw")}).status, 2);
  EXPECT_EQ(bake({"vhd", "wrap", raw}).status, 2);
  EXPECT_EQ(bake({"vhd"}).status, 2);
  EXPECT_EQ(bake({"vhd", "wrap", name("taken.vhd"), "-o", name("out.vhd")}).status, 5);
  EXPECT_EQ(names(), (Names{"a.raw", "taken.vhd"}));
  EXPECT_EQ(bake({"vhd", "wrap", raw, "-o", name("taken.vhd"), "--force"}).status, 0);
  EXPECT_EQ(bake({"vhd", "check", name("taken.vhd")}).status, 0);
}

}  // namespace
}  // namespace bake::cli
