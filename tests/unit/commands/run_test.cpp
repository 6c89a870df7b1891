// The parsing of the command line, before any command runs.
#include <cstdlib>
#include <gtest/gtest.h>
#include <optional>
#include <sstream>

#include "bake/base/file.hpp"
#include "bake/commands/commands.hpp"
#include "tests/support/error_of.hpp"

namespace bake::cli {
namespace {

struct Result {
  int status = 0;
  std::string out, err;
};

Result bake(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const int status = run(arguments, out, err);
  return {status, out.str(), err.str()};
}

TEST(CommandLine, WrongUsageIsOneSentenceAndAHint) {
  const auto result = bake({"image"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "bake: error: recipe is required\nbake: hint: 'bake --help' and 'bake COMMAND --help' list commands and "
            "options\n");
}

TEST(CommandLine, MessagesHaveNoControlCharactersForTheTerminal) {
  const TemporaryDirectory scratch;
  const auto recipe = (scratch.path() / "esc.yaml").string();
  write_text_atomically(recipe, "schema: bake/v1\n\"\\e]0;owned\\a\\e[2J\": x\n");
  const auto result = bake({"plan", recipe});
  EXPECT_EQ(result.status, 5);
  EXPECT_EQ(result.err.find('\x1b'), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("unknown key '\\x1b]0;owned\\x07\\x1b[2J' in recipe"), std::string::npos) << result.err;
}

TEST(CommandLine, WrongUsageIsADocumentWithJson) {
  using Arguments = std::vector<std::string>;
  const std::vector<Arguments> wrong{{"--json", "image"},
                                     {"image", "--json"},
                                     {"--json"},
                                     {"image", "--no-such-option", "--json"},
                                     {"--json", "--progress", "sometimes", "doctor"},
                                     {"plan", "a.yaml", "--json", "--log"}};
  for (const auto& arguments : wrong) {
    const auto result = bake(arguments);
    EXPECT_EQ(result.status, 2);
    const auto document = Json::parse(result.out, nullptr, false);
    ASSERT_FALSE(document.is_discarded()) << arguments.back() << ": " << result.out;
    EXPECT_EQ(document.at("error").at("kind"), "usage");
    EXPECT_EQ(document.at("error").at("hint"), "'bake --help' and 'bake COMMAND --help' list commands and options");
    EXPECT_EQ("bake: error: " + document.at("error").at("message").get<std::string>(),
              result.err.substr(0, result.err.find('\n')));
  }
}

TEST(CommandLine, AMistypedCommandIsNamedWithTheClosest) {
  EXPECT_EQ(bake({"--store", "/nowhere", "pln", "image.yaml"}).err,
            "bake: error: there is no command 'pln'\nbake: hint: did you mean 'plan'?\n");
  EXPECT_EQ(
      bake({"bundle", "foo"}).err,
      "bake: error: there is no command 'foo'\nbake: hint: there are add, list, show, verify, remove, trust, wanted\n");
  const auto result = bake({"--json", "imge"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(Json::parse(result.out).at("error").at("message"), "there is no command 'imge'");
}

TEST(CommandLine, AFileIsNotAMistypedCommand) {
  EXPECT_EQ(bake({"batch", "colect", "fleet.yaml"}).err,
            "bake: error: there is no command 'colect'\nbake: hint: did you mean 'collect'?\n");
  EXPECT_EQ(bake({"batch", "fleet.yaml", "--jobs", "0"}).err,
            "bake: error: --jobs: Value 0 not in range 1 to 10000\n"
            "bake: hint: 'bake --help' and 'bake COMMAND --help' list commands and options\n");
}

TEST(CommandLine, AMistypedOptionIsNamedWithTheClosestOfItsCommand) {
  EXPECT_EQ(bake({"image", "--frce", "r.yaml"}).err,
            "bake: error: 'bake image' has no option '--frce'\nbake: hint: did you mean '--force'?\n");
  EXPECT_EQ(bake({"bundle", "add", "--sha265=00", "x.tgz"}).err,
            "bake: error: 'bake bundle add' has no option '--sha265'\nbake: hint: did you mean '--sha256'?\n");
  EXPECT_EQ(bake({"plan", "r.yaml", "--sotre", "s"}).err,
            "bake: error: 'bake plan' has no option '--sotre'\nbake: hint: did you mean '--store'?\n");
  EXPECT_EQ(bake({"--jsn", "plan", "r.yaml"}).err,
            "bake: error: 'bake' has no option '--jsn'\nbake: hint: did you mean '--json'?\n");
  EXPECT_EQ(bake({"plan", "-z", "r.yaml"}).err,
            "bake: error: 'bake plan' has no option '-z'\n"
            "bake: hint: 'bake --help' and 'bake COMMAND --help' list commands and options\n");
  EXPECT_EQ(bake({"image", "-force", "r.yaml"}).err,
            "bake: error: 'bake image' has no option '-force'\nbake: hint: did you mean '--force'?\n");
  // Short options may be in one word, the last one with its value.
  for (const auto& known : std::vector<std::vector<std::string>>{{"-qv"}, {"-o", "-z"}, {"-oz"}, {"-qo", "-z"}}) {
    std::vector<std::string> arguments{"image", "r.yaml", "--frce"};
    arguments.insert(arguments.begin() + 1, known.begin(), known.end());
    EXPECT_EQ(bake(arguments).err,
              "bake: error: 'bake image' has no option '--frce'\nbake: hint: did you mean '--force'?\n");
  }
  // The word after an option is its value, even when it looks like an option.
  EXPECT_EQ(bake({"image", "--sign-key", "--frce"}).err,
            "bake: error: recipe is required\n"
            "bake: hint: 'bake --help' and 'bake COMMAND --help' list commands and options\n");
  EXPECT_EQ(bake({"image", "--frce", "r.yaml"}).status, 2);
}

TEST(CommandLine, HelpShowsTheConstraintsOfOptions) {
  const auto help = bake({"bundle", "add", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(
      help.out,
      "verify an archive and keep it\n"
      "Usage: bake bundle add [OPTIONS] [archive]\n"
      "\n"
      "Positionals:\n"
      "  archive                     MLNX_OFED_LINUX-….tgz, .iso or its directory, or a doca-host .deb or .rpm\n"
      "\n"
      "Options:\n"
      "  -h,--help                   Print this help message and exit\n"
      "  --extra TEXT                a directory of base-system packages that images lack\n"
      "  --name TEXT                 name of the extra packages (default: the directory's) (only with --extra)\n"
      "  --for TEXT                  release the extra packages are for: rhel7.7, ubuntu20.04 (only with --extra)\n"
      "  --sha256 TEXT               the archive must have this sha256: 64 digits, or a file that sha256sum wrote (not "
      "with --extra)\n"
      "  --keyring FILE ...          OpenPGP public keys that may vouch, in addition to the store's keys\n"
      "  --allow-rebuilt             accept an -ext bundle, which is not signed (not with --extra)\n"
      "  --refuse-weak               refuse DSA, SHA1, MD5 and short keys instead of listing them (not with "
      "--extra)\n"
      "  --insecure-no-pin           accept a bundle without a pin and without a signature (not with --extra)\n"
      "  --insecure-no-signature     do not require a signature (not with --extra)\n"
      "  --insecure-no-index         do not compare packages with the bundle's index (not with --extra)\n"
      "\n"
      "Global options: --json --progress -q -v --log --trace --store --matrix (see 'bake --help')\n");
}

TEST(CommandLine, HelpNamesTheDiskFormatsAndRequiredOptions) {
  EXPECT_EQ(bake({"init", "--help"}).out,
            "write a recipe for a disk\n"
            "Usage: bake init [OPTIONS] disk\n"
            "\n"
            "Positionals:\n"
            "  disk                        a fixed VHD, raw, dynamic VHD, VHDX or qcow2 disk\n"
            "\n"
            "Options:\n"
            "  -h,--help                   Print this help message and exit\n"
            "  --vm-size TEXT              a VM size the image must serve; repeat for several (required)\n"
            "  -o,--output TEXT            the file to write (default: standard output)\n"
            "  --force                     replace an existing file\n"
            "\n"
            "Global options: --json --progress -q -v --log --trace --store --matrix (see 'bake --help')\n");
  EXPECT_NE(bake({"inspect", "--help"})
                .out.find("  disk                        a fixed VHD, raw, dynamic VHD, VHDX or qcow2 disk\n"),
            std::string::npos);
}

TEST(CommandLine, HelpNamesTheAllowedWords) {
  const auto help = bake({"matrix", "list", "--help"}).out;
  EXPECT_NE(help.find("  topic                       what to list (default: an overview) "
                      "(os|sizes|ofed|bundles|inbox|pci|rules|secure-boot|manifest)\n"),
            std::string::npos)
      << help;
}

TEST(CommandLine, HelpShowsThreeOptionsThatExcludeEachOther) {
  const auto help = bake({"bundle", "trust", "--help"}).out;
  EXPECT_NE(
      help.find("  keyfile                     OpenPGP public keys to add, armoured or binary (not with --list or "
                "--remove)\n"),
      std::string::npos)
      << help;
  EXPECT_NE(help.find("  --list                      show the keys that the store trusts (not with --remove or "
                      "keyfile)\n"),
            std::string::npos)
      << help;
}

TEST(CommandLine, HelpShowsValuesAndDefaults) {
  const auto batch = bake({"batch", "--help"}).out;
  EXPECT_NE(batch.find("  --executor local|slurm      local: child processes; slurm: one job array\n"),
            std::string::npos)
      << batch;
  EXPECT_NE(batch.find("  --jobs NUMBER               images at once (local: one for each processor and 2 GiB of "
                       "memory; slurm: no limit) "
                       "(1 to 10000)\n"),
            std::string::npos)
      << batch;
  EXPECT_NE(bake({"key", "new", "--help"})
                .out.find("  --out PREFIX                where to write them (default: bake) (not with --modules)\n"),
            std::string::npos);
  const auto own = bake({"--help"}).out;  // the main help lists these options itself
  EXPECT_NE(own.find("  --progress auto|tty|plain|json|none\n"), std::string::npos) << own;
  EXPECT_EQ(own.find("Global options"), std::string::npos);
}

TEST(CommandLine, AnUnknownSizeIsRefusedBeforeTheDiskIsOpened) {
  const auto result = bake({"init", "/nowhere/base.vhd", "--vm-size", "HB120rs_v22"});
  EXPECT_NE(result.err.find("VM size 'HB120rs_v22'"), std::string::npos) << result.err;
}

TEST(CommandLine, HelpIsNotAnError) {
  const auto result = bake({"--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
}

TEST(Doctor, NamesAMissingDirectoryForTemporaryFiles) {
  const char* before = std::getenv("TMPDIR");
  const std::optional<std::string> kept = before != nullptr ? std::optional<std::string>(before) : std::nullopt;
  ::setenv("TMPDIR", "/nodir", 1);
  std::ostringstream out, err;
  EXPECT_EQ(run({"doctor", "--json"}, out, err), 6);
  const auto error = error_of([] { TemporaryDirectory(); });
  EXPECT_EQ(error.kind(), ErrorKind::environment);
  EXPECT_EQ(error.message(), "making a temporary directory in '/nodir': No such file or directory");
  if (kept)
    ::setenv("TMPDIR", kept->c_str(), 1);
  else
    ::unsetenv("TMPDIR");
  const auto checks = Json::parse(out.str()).at("checks");
  EXPECT_EQ(checks.back(), Json({{"what", "temporary files"},
                                 {"verdict", "problem"},
                                 {"found", "'/nodir' is not a writable directory"},
                                 {"fix", "make it, or set $TMPDIR to another directory"}}));
}

TEST(CommandLine, TheTraceIsWrittenAlsoAfterAnError) {
  const TemporaryDirectory scratch;
  const auto trace = scratch.path() / "trace.json";
  EXPECT_EQ(bake({"--trace", trace.string(), "image", (scratch.path() / "missing.yaml").string()}).status, 2);
  EXPECT_EQ(Json::parse(read_text(trace)).at("displayTimeUnit"), "ms");
  EXPECT_EQ(bake({"--trace", trace.string(), "image", (scratch.path() / "missing.yaml").string()}).status, 2);
}

TEST(CommandLine, ATraceReplacesNoOtherFile) {
  const TemporaryDirectory scratch;
  const auto base = scratch.path() / "base.vhd";
  write_text_atomically(base, "a disk");
  const auto result = bake({"--trace", base.string(), "vhd", "check", base.string()});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err, "bake: error: opening trace '" + base.string() +
                            "': the file is not a trace of bake\nbake: hint: choose another file\n");
  EXPECT_EQ(read_text(base), "a disk");
}

}  // namespace
}  // namespace bake::cli
