#include "bake/cli/completion.hpp"

#include <gtest/gtest.h>
#include <sstream>

#include "bake/base/text.hpp"
#include "bake/commands/commands.hpp"
#include "bake/store/store.hpp"
#include "tests/support/bundles.hpp"
#include "tests/support/disk_fixture.hpp"

namespace bake::cli {
namespace {

using Texts = std::vector<std::string>;

/// Returns what `bake complete` prints, without the help of each word.
Texts completed(const Texts& words) {
  Texts arguments{"complete", "--"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  std::ostringstream out, err;
  EXPECT_EQ(run(arguments, out, err), 0) << err.str();
  EXPECT_EQ(err.str(), "");
  Texts texts;
  for (const auto& line : split_lines(out.str())) texts.push_back(line.substr(0, line.find('\t')));
  return texts;
}

class Completing : public DiskTest {};

TEST(Complete, CommandsAndTheirSubcommands) {
  EXPECT_EQ(completed({"ver"}), Texts{"verify"});
  EXPECT_EQ(completed({"matrix", "re"}), Texts{"resolve"});
  EXPECT_EQ(completed({"vhd", "c"}), Texts{"check"});
  EXPECT_EQ(completed({"com"}), Texts{"completion"});  // not the hidden "complete"
  EXPECT_EQ(completed({"nosuch", "c"}), Texts{});
}

TEST(Complete, OptionsOfTheCommandAndGlobalOnes) {
  EXPECT_EQ(completed({"verify", "--s"}), (Texts{"--strict", "--store"}));
  EXPECT_EQ(completed({"--ev"}), Texts{});  // hidden
  EXPECT_EQ(completed({"image", "--", "--f"}), Texts{":files"});
}

TEST(Complete, ValuesOfOptions) {
  EXPECT_EQ(completed({"batch", "--executor", ""}), (Texts{"local", "slurm"}));
  EXPECT_EQ(completed({"batch", "--executor=s"}), Texts{"--executor=slurm"});
  EXPECT_EQ(completed({"batch", "--executor", "=", "s"}), Texts{"slurm"});
  EXPECT_EQ(completed({"plan", "-v", "--log", ""}), Texts{":files"});
  EXPECT_EQ(completed({"image", "-o", ""}), Texts{":files"});
  EXPECT_EQ(completed({"batch", "--jobs", ""}), Texts{});
}

TEST(Complete, ReleasesAndSizesOfTheMatrix) {
  EXPECT_EQ(completed({"matrix", "resolve", "ubuntu20"}), Texts{"ubuntu20.04"});
  EXPECT_EQ(completed({"matrix", "resolve", "ubuntu20.04", "Standard_HB120-16rs_v3"}), Texts{"Standard_HB120-16rs_v3"});
  EXPECT_EQ(completed({"init", "d.vhd", "--vm-size", "standard_hx176rs"}), Texts{"Standard_HX176rs"});
  EXPECT_EQ(completed({"matrix", "show", "5.5-1.0.3"}), Texts{"5.5-1.0.3.2"});
}

TEST_F(Completing, BundlesOfTheStoreThatTheCommandLineNames) {
  SilentProgress silent;
  store::Store store(at("store"));
  write_text_atomically(at("vendor.asc"), testing::vendor().public_key());
  store.trust(at("vendor.asc"));
  const auto parts = testing::deb_bundle();
  write_text_atomically(at(parts.top + ".tgz"), parts.archive());
  store.add(at(parts.top + ".tgz"), {}, silent);
  for (const auto* command : {"show", "verify", "remove"})
    EXPECT_EQ(completed({"bundle", command, "--store", at("store").string(), ""}), Texts{parts.top}) << command;
  EXPECT_EQ(completed({"bundle", "remove", "--store=" + at("store").string(), parts.top, ""}), Texts{parts.top});
  EXPECT_EQ(completed({"bundle", "show", "--store", at("nosuch").string(), ""}), Texts{});
}

TEST(Help, OfACommandIsThatOfItsOption) {
  for (const Texts& command : {Texts{}, Texts{"image"}, Texts{"bundle", "add"}}) {
    auto by_command = Texts{"help"};
    by_command.insert(by_command.end(), command.begin(), command.end());
    auto by_option = command;
    by_option.emplace_back("--help");
    std::ostringstream one, other, err;
    EXPECT_EQ(run(by_command, one, err), 0) << err.str();
    EXPECT_EQ(run(by_option, other, err), 0);
    EXPECT_EQ(one.str(), other.str());
    EXPECT_NE(one.str(), "");
  }
  std::ostringstream out, err;
  EXPECT_EQ(run({"help", "imge"}, out, err), 2);
  EXPECT_EQ(err.str(), "bake: error: there is no command 'imge'\nbake: hint: did you mean 'image'?\n");
}

TEST(CommandLine, AMistypedSubcommandIsNamedWithTheClosest) {
  std::ostringstream out, err;
  EXPECT_EQ(run({"matrix", "resolv", "x"}, out, err), 2);
  EXPECT_EQ(err.str(), "bake: error: there is no command 'resolv'\nbake: hint: did you mean 'resolve'?\n");
}

TEST(Version, HasTheCommitOnTheFirstLineAndTheLibraries) {
  for (const auto* option : {"-V", "--version"}) {
    std::ostringstream out, err;
    EXPECT_EQ(run({option}, out, err), 0);
    const auto lines = split_lines(out.str());
    ASSERT_EQ(lines.size(), 11U) << out.str();
    EXPECT_EQ(lines[0].substr(0, lines[0].find('(')), "bake " BAKE_VERSION " ");
    EXPECT_TRUE(lines[0].ends_with(")"));
    EXPECT_GT(lines[0].size(), std::string("bake " BAKE_VERSION " ()").size());
  }
  std::ostringstream out, err;
  EXPECT_EQ(run({"--json", "--version"}, out, err), 0);
  const auto document = Json::parse(out.str());
  EXPECT_EQ(document.at("version"), BAKE_VERSION);
  EXPECT_EQ(document.at("libraries").size(), 10U);
  for (const auto& [name, version] : document.at("libraries").items()) EXPECT_NE(version, "") << name;
}

}  // namespace
}  // namespace bake::cli
