// Output files that the user names: the errors for a missing directory, before any work.
#include "bake/disk/output.hpp"

#include <array>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "bake/commands/commands.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake::cli {
namespace {

/// Returns the messages of a command that ends with `status`, by default that of wrong usage.
std::string refusal_of(const std::vector<std::string>& arguments, int status = 2) {
  std::ostringstream out, err;
  EXPECT_EQ(run(arguments, out, err), status) << arguments.front() << ": " << err.str();
  EXPECT_EQ(out.str(), "");
  return err.str();
}

std::string no_directory(const std::string& file) {
  return "bake: error: writing '" + file +
         "': there is no directory '/nodir'\nbake: hint: make it first: mkdir -p /nodir\n";
}

class OutputPath : public DiskTest {};
using StorePath = OutputPath;

TEST_F(OutputPath, WithoutADirectoryHasTheSameMessageEverywhere) {
  EXPECT_EQ(refusal_of({"handler", "pack", "-o", "/nodir/x.zip"}), no_directory("/nodir/x.zip"));
  EXPECT_EQ(refusal_of({"key", "new", "--out", "/nodir/k"}), no_directory("/nodir/k.key"));
  EXPECT_EQ(refusal_of({"matrix", "html", "-o", "/nodir/x.html"}), no_directory("/nodir/x.html"));
  EXPECT_EQ(refusal_of({"matrix", "export", "-o", "/nodir/x"}), no_directory("/nodir/x"));
  EXPECT_EQ(refusal_of({"matrix", "import", "/nodir/r.json", "-o", "/nodir/d"}), no_directory("/nodir/d"));
  EXPECT_EQ(refusal_of({"matrix", "import", "/nodir/r.json", "-o", "/nodir/d/"}), no_directory("/nodir/d"));
  EXPECT_EQ(refusal_of({"export", "--recipe", "/nodir/r.yaml", "-o", "/nodir/x"}), no_directory("/nodir/x"));
  const auto raw = raw_disk("base.raw", std::uint64_t{8} << 20U).string();
  const auto vhd = fixed_vhd("base.vhd", std::uint64_t{8} << 20U).string();
  EXPECT_EQ(refusal_of({"vhd", "wrap", raw, "-o", "/nodir/x.vhd"}), no_directory("/nodir/x.vhd"));
  EXPECT_EQ(refusal_of({"vhd", "unwrap", vhd, "-o", "/nodir/x.raw"}), no_directory("/nodir/x.raw"));
  const auto recipe = at("image.yaml");
  write_text_atomically(recipe,
                        "schema: bake/v1\nbase: base.vhd\nos: ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\n"
                        "ofed: inbox\n");
  EXPECT_EQ(refusal_of({"image", recipe.string(), "-o", "/nodir/x.vhd"}), no_directory("/nodir/x.vhd"));
}

TEST_F(OutputPath, OfAnExportIsRefusedBeforeTheBaseIsRead) {
  const auto carry = at("carry.tar.zst").string();
  write_text_atomically(carry, "");
  EXPECT_EQ(refusal_of({"export", "--recipe", "/nodir/r.yaml", "-o", carry}),
            "bake: error: writing '" + carry + "': it exists\nbake: hint: --force replaces it\n");
  EXPECT_EQ(refusal_of({"export", "--recipe", "/nodir/r.yaml", "-o", carry, "--force"}),
            "bake: error: opening '/nodir/r.yaml': no such file\nbake: hint: there is no directory '/nodir'\n");
}

TEST_F(OutputPath, ThatCannotBeReadIsNotCalledMissing) {
  const auto loop = at("loop").string();
  std::filesystem::create_symlink("loop", loop);
  const std::string reason = ": Too many levels of symbolic links\n";
  EXPECT_EQ(refusal_of({"handler", "pack", "-o", loop + "/x.zip"}, 1),
            "bake: error: writing '" + loop + "/x.zip'" + reason);
  EXPECT_EQ(refusal_of({"plan", loop}, 1), "bake: error: opening '" + loop + "'" + reason);
}

TEST_F(StorePath, ThatCannotBeReadIsNotCalledMissing) {
  const auto loop = at("loop").string();
  std::filesystem::create_symlink("loop", loop);
  const std::string reason = "': Too many levels of symbolic links\n";
  EXPECT_EQ(refusal_of({"bundle", "show", "x", "--store", loop}, 1),
            "bake: error: reading directory '" + loop + "/bundles" + reason);
  EXPECT_EQ(refusal_of({"bundle", "remove", "x", "--store", loop}),
            "bake: error: looking for bundle 'x': not in the store '" + loop + reason);
}

TEST_F(OutputPath, OfALogIsTriedBeforeAnyWork) {
  EXPECT_EQ(refusal_of({"doctor", "--log", "/nodir/l"}), no_directory("/nodir/l"));
  EXPECT_EQ(refusal_of({"--log", "/nodir/l", "matrix", "check"}), no_directory("/nodir/l"));
  const auto directory = at("").string();
  EXPECT_EQ(refusal_of({"matrix", "check", "--log", directory}),
            "bake: error: opening log '" + directory + "': Is a directory\n");
}

TEST_F(OutputPath, ThatCannotBeWrittenIsNamedAndNotItsSidecar) {
  EXPECT_EQ(error_of([] { write_text_atomically("/proc/bake-cannot-write-here", "text"); }).message(),
            "writing '/proc/bake-cannot-write-here': No such file or directory");
}

TEST(MatrixHtml, IsOneJsonDocumentWithTheOption) {
  std::ostringstream page, document, err;
  EXPECT_EQ(run({"matrix", "html"}, page, err), 0);
  EXPECT_EQ(run({"matrix", "html", "--json"}, document, err), 0);
  EXPECT_EQ(Json::parse(document.str()), Json({{"html", page.str()}}));
}

TEST(MatrixList, RefusesAnOptionThatATopicDoesNotHave) {
  EXPECT_EQ(refusal_of({"matrix", "list", "sizes", "--extension"}),
            "bake: error: listing 'sizes': --extension is for the overview of the releases\n"
            "bake: hint: 'bake matrix list --extension'\n");
}

TEST_F(OutputPath, OfADeviceIsNeverReplaced) {
  const TemporaryDirectory scratch;
  const auto pipe = (scratch.path() / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto refused =
      "bake: error: writing '" + pipe + "': it is not a regular file\nbake: hint: choose another output\n";
  EXPECT_EQ(refusal_of({"matrix", "html", "-o", pipe, "--force"}), refused);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_EQ(error_of([&] { OutputFile(pipe, true); }).message(), "writing '" + pipe + "': it is not a regular file");
}

TEST_F(OutputPath, OfALogIsNeverAnotherFile) {
  const TemporaryDirectory scratch;
  const auto recipe = (scratch.path() / "in.yaml").string();
  write_text_atomically(recipe, "schema: bake/v1\n");
  EXPECT_EQ(refusal_of({"matrix", "check", "--log", recipe}), "bake: error: opening log '" + recipe +
                                                                  "': the file is not a log of bake\n"
                                                                  "bake: hint: choose another file\n");
  EXPECT_EQ(read_text(recipe), "schema: bake/v1\n");
  const auto log = (scratch.path() / "log").string();
  std::ostringstream out, err;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(run({"plan", "/nosuch", "--log", log}, out, err), 2);
  EXPECT_EQ(read_text(log).substr(0, 7), "error: ");
}

TEST_F(OutputPath, OfALogMayBeAPipe) {
  const auto pipe = at("pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const FileDescriptor reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::ostringstream out, err;
  EXPECT_EQ(run({"plan", "/nosuch", "--log", pipe}, out, err), 2);
  std::array<char, 7> head{};
  ASSERT_EQ(::read(reader.get(), head.data(), head.size()), 7);
  EXPECT_EQ(std::string_view(head.data(), head.size()), "error: ");
}

TEST_F(OutputPath, OfALogIsNotAPipeThatNoProgramReads) {
  const auto pipe = at("pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(refusal_of({"matrix", "check", "--log", pipe}),
            "bake: error: opening log '" + pipe +
                "': no program reads this pipe\n"
                "bake: hint: start its reader first, or choose a file\n");
}

TEST_F(OutputPath, OfAnUnwritableLogIsReportedAsJsonOnATerminalToo) {
  std::ostringstream out, err;
  EXPECT_EQ(run({"--json", "--progress", "tty", "--log", at("").string(), "matrix", "list"}, out, err), 2);
  EXPECT_EQ(Json::parse(out.str()).at("error").at("kind"), "usage");
  EXPECT_EQ(out.tie(), nullptr);
}

TEST(StandardOutput, ThatFailsIsAnError) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{"--help"}, {"--version"}}) {
    std::ostringstream nowhere, messages;
    nowhere.setstate(std::ios::badbit);
    EXPECT_EQ(run(command, nowhere, messages), 6) << command.front();
  }
  std::ostringstream out, err;
  out.setstate(std::ios::badbit);
  EXPECT_EQ(run({"matrix", "list"}, out, err), 6);
  EXPECT_EQ(
      err.str(),
      "bake: error: writing the result: standard output failed\nbake: hint: check whether its disk is full or its "
      "reader has ended\n");
}

TEST(StandardOutput, OfATerminalHasNoProgressBeforeTheResult) {
  std::ostringstream both;  // as where out and err are one terminal
  const TemporaryDirectory scratch;
  const auto disk = (scratch.path() / "d.raw").string();
  write_text_atomically(disk, std::string(510, '\0') + "\x55\xaa" + std::string((1U << 20U) - 512, '\0'));
  EXPECT_EQ(run({"--progress", "tty", "vhd", "wrap", disk, "-o", disk + ".vhd"}, both, both), 0);
  const auto text = both.str();
  const auto result = text.find(disk + ".vhd: ");
  ASSERT_NE(result, std::string::npos) << text;
  const auto step = " copying '" + disk + "' (1 MiB)\n";
  EXPECT_TRUE(text.substr(0, result).ends_with(step)) << text;
  EXPECT_TRUE(text.ends_with(")\n")) << text;
}

}  // namespace
}  // namespace bake::cli
