#include "bake/guest/config_text.hpp"

#include <filesystem>
#include <gtest/gtest.h>

#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/inspect/waagent.hpp"
#include "tests/support/genuine_data.hpp"

namespace bake::guest {
namespace {

TEST(SetKey, LeavesExactlyOneUncommentedLine) {
  const std::string want = "a=1\nOS.EnableRDMA=y\nb=2\n";
  EXPECT_EQ(set_key("a=1\n# OS.EnableRDMA=y\nb=2\n", "OS.EnableRDMA", "y"), want);
  EXPECT_EQ(set_key("a=1\n# OS.EnableRDMA=n\nb=2", "OS.EnableRDMA", "y"), want);
  EXPECT_EQ(set_key("a=1\n#OS.EnableRDMA = n\nb=2", "OS.EnableRDMA", "y"), want);
  EXPECT_EQ(set_key("a=1\nOS.EnableRDMA=n\nb=2\nOS.EnableRDMA=y\n", "OS.EnableRDMA", "y"), want);
  EXPECT_EQ(set_key("a=1\n OS.EnableRDMA = n\nb=2\n", "OS.EnableRDMA", "y"), want);
  EXPECT_EQ(set_key("a=1\nb=2", "OS.EnableRDMA", "y"), "a=1\nb=2\nOS.EnableRDMA=y\n");
  EXPECT_EQ(set_key("", "OS.EnableRDMA", "y"), "OS.EnableRDMA=y\n");
  EXPECT_EQ(set_key(want, "OS.EnableRDMA", "y"), want);
}

// The waagent.conf of eight distributions (Azure/WALinuxAgent, config/). They are not part of the project.
TEST(SetKey, ChangesOneLineOfEveryGenuineWaagentConf) {
  const auto directory = testing::genuine_data("genuine-waagent");
  if (!std::filesystem::exists(directory))
    GTEST_SKIP() << "the genuine waagent.conf files are not there: " << directory;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const auto text = read_text(entry.path(), 1U << 20U);
    const auto edited = set_key(text, "OS.EnableRDMA", "y");
    EXPECT_EQ(waagent_setting(edited, "OS.EnableRDMA"), "y") << entry.path();
    auto rest = split_lines(edited);
    const auto is_setting = [](const std::string& line) { return line == "OS.EnableRDMA=y"; };
    EXPECT_EQ(std::erase_if(rest, is_setting), 1U) << entry.path();
    auto others = split_lines(text);
    std::erase_if(others, [](const std::string& line) { return line == "# OS.EnableRDMA=y"; });
    EXPECT_EQ(rest, others) << entry.path();
    EXPECT_EQ(set_key(edited, "OS.EnableRDMA", "y"), edited) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 8);
}

TEST(SetKey, IgnoresKeysThatContainTheKey) {
  EXPECT_EQ(set_key("OS.EnableRDMAx=n\n", "OS.EnableRDMA", "y"), "OS.EnableRDMAx=n\nOS.EnableRDMA=y\n");
  EXPECT_EQ(set_key("# set OS.EnableRDMA to y=1\n", "OS.EnableRDMA", "y"),
            "# set OS.EnableRDMA to y=1\nOS.EnableRDMA=y\n");
}

TEST(Exclude, JoinsTheExistingLists) {
  EXPECT_EQ(exclude_packages("[main]\ngpgcheck=1\nexclude=foo bar\n", {"kernel*", "foo"}),
            "[main]\nexclude=foo bar kernel*\ngpgcheck=1\n");
  EXPECT_EQ(exclude_packages("[main]\ngpgcheck=1", {"kernel*"}), "[main]\nexclude=kernel*\ngpgcheck=1\n");
  EXPECT_EQ(exclude_packages("", {"kernel*"}), "[main]\nexclude=kernel*\n");
}

TEST(Exclude, LeavesOtherSectionsAlone) {
  // A list that continues, a comma list under the other name, and a repository section that ends the file.
  EXPECT_EQ(exclude_packages("[main]\nexclude=a,b\n  c\nexcludepkgs=d\nx=1\n[repo]\nexclude=keep", {"kernel*"}),
            "[main]\nexclude=a b c d kernel*\nx=1\n[repo]\nexclude=keep\n");
}

TEST(Exclude, IsIdempotent) {
  const auto once = exclude_packages("[main]\nbest=True\nskip_if_unavailable=False", {"kernel*", "rdma-core"});
  EXPECT_EQ(exclude_packages(once, {"kernel*", "rdma-core"}), once);
  EXPECT_EQ(excluded_packages(once), (std::vector<std::string>{"kernel*", "rdma-core"}));
}

TEST(WithLine, AddsOnceEvenWithoutAFinalNewline) {
  EXPECT_EQ(with_line("a", "b"), "a\nb\n");
  EXPECT_EQ(with_line("a\nb\n", "b"), "a\nb\n");
}

TEST(InstallValues, ReadsOnlyTheInstallSection) {
  EXPECT_EQ(
      install_values("[Unit]\nWantedBy=no\n[Install]\nWantedBy=a.target b.target\n#WantedBy=c\nWantedBy=d.target\n",
                     "WantedBy"),
      (std::vector<std::string>{"a.target", "b.target", "d.target"}));
}

}  // namespace
}  // namespace bake::guest
