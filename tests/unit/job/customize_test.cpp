// The files that `customize` of a recipe names.
#include "bake/job/customize.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "tests/support/error_of.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CustomizeFiles : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& content, unsigned mode = 0644) const {
    const auto path = scratch.path() / name;
    fs::create_directories(path.parent_path());
    write_text_atomically(path, content);
    fs::permissions(path, static_cast<fs::perms>(mode));
    return path;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> list;
    for (const auto& file : read_customization(recipe).files)
      list.push_back(fmt::format("{} {:o}", file.path, file.mode));
    return list;
  }
  std::string refusal() const {
    const auto error = error_of([&] { read_customization(recipe); });
    EXPECT_EQ(error.kind(), ErrorKind::config);
    return error.message();
  }

  TemporaryDirectory scratch;
  recipe::Recipe recipe;
};

TEST_F(CustomizeFiles, ADirectoryIsExpandedAndModesAreThoseOfTheSource) {
  write("tree/bin/tool", "x", 0775);
  write("tree/etc/conf", "y", 0666);
  recipe.customize.files = {{scratch.path() / "tree", "/opt/site", 0, 0, 0}};
  EXPECT_THAT(files(), ElementsAre("/opt/site/bin/tool 755", "/opt/site/etc/conf 644"));
  recipe.customize.files[0].mode = 0600;
  EXPECT_THAT(files(), ElementsAre("/opt/site/bin/tool 600", "/opt/site/etc/conf 600"));
}

TEST_F(CustomizeFiles, ScriptsOfTheFirstBootAreFilesInTheirOrder) {
  recipe.customize.first_boot = {write("b.sh", "b"), write("a.sh", "a")};
  EXPECT_THAT(files(), ElementsAre("/usr/lib/bake/first-boot.d/01-b.sh 755", "/usr/lib/bake/first-boot.d/02-a.sh 755"));
  EXPECT_TRUE(read_customization(recipe).has_first_boot);
}

TEST_F(CustomizeFiles, EveryProblemIsReportedAtOnce) {
  const auto file = write("a", "a");
  fs::create_symlink(file, scratch.path() / "link");
  recipe.customize.files = {{scratch.path() / "missing", "/a", 0, 0, 0},
                            {scratch.path() / "link", "/b", 0, 0, 0},
                            {file, "/c", 0, 0, 0},
                            {file, "/c", 0, 0, 0}};
  recipe.customize.users = {{"hpc", {}, "/bin/sh", {write("key", "-----BEGIN OPENSSH PRIVATE KEY-----\n")}}};
  const auto message = refusal();
  EXPECT_THAT(message, HasSubstr("missing: there is no such file"));
  EXPECT_THAT(message, HasSubstr("link: is a link"));
  EXPECT_THAT(message, HasSubstr("a: another file goes to /c too"));
  EXPECT_THAT(message, HasSubstr("key: contains a private key"));
}

TEST_F(CustomizeFiles, KeysAndLinesAreOnlyDigestsInAManifest) {
  recipe.customize.users = {{"hpc", {}, "/bin/sh", {write("hpc.pub", "ssh-ed25519 AAAA hpc")}}};
  recipe.customize.lines = {{"/etc/fstab", "password=secret"}};
  const auto customization = read_customization(recipe);
  EXPECT_EQ(customization.users.at(0).authorized_keys, "ssh-ed25519 AAAA hpc\n");
  const auto text = plan::to_json(customization).dump() + plan::to_json(plan::expected_state(customization)).dump();
  EXPECT_THAT(text, ::testing::Not(HasSubstr("secret")));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("AAAA")));
  EXPECT_THAT(text, HasSubstr(digest_of("ssh-ed25519 AAAA hpc\n")));
}

}  // namespace
}  // namespace bake::job
