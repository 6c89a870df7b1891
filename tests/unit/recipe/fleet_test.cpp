#include "bake/recipe/fleet.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"

namespace bake::recipe {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class FleetFile : public testing::Test {
 protected:
  FleetFile() {
    write("base.vhd", "disk");
    recipe("a");
    recipe("b");
  }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((top_ / name).parent_path());
    std::ofstream(top_ / name) << text;
  }
  void recipe(const std::string& name) {
    write("recipes/" + name + ".yaml", "schema: bake/v1\nbase: ../base.vhd\nos: ubuntu 20.04\nvm_sizes: [x]\n");
  }
  void fleet(const std::string& text, const std::string& name = "fleet.yaml") {
    write(name, "schema: bake/fleet/v1\n" + text);
  }
  Fleet load() { return load_fleet(top_ / "fleet.yaml"); }
  /// The message, without the name of the temporary directory.
  std::string problems() {
    try {
      load();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return replace_all(error.message(), top_.string() + "/", "");
    }
    return "no problem";
  }
  std::vector<std::string> names() {
    std::vector<std::string> result;
    for (const auto& image : load().images) result.push_back(image.name);
    return result;
  }

  TemporaryDirectory directory_;
  fs::path top_ = fs::canonical(directory_.path());
};

TEST_F(FleetFile, IsToldFromARecipe) {
  fleet("images: [recipes/a.yaml]\n");
  EXPECT_TRUE(is_fleet(top_ / "fleet.yaml"));
  EXPECT_FALSE(is_fleet(top_ / "recipes/a.yaml"));
  EXPECT_FALSE(is_fleet(top_ / "base.vhd"));
  EXPECT_FALSE(is_fleet(top_ / "missing.yaml"));
  write("broken.yaml", "schema: [bake/fleet/v1\n");
  EXPECT_FALSE(is_fleet(top_ / "broken.yaml"));
}

TEST_F(FleetFile, ReadsImagesInTheOrderWritten) {
  fleet("images:\n  - {recipe: recipes/b.yaml, output: out/1.vhd}\n  - recipes/a.yaml\n");
  const auto read = load();
  ASSERT_EQ(read.images.size(), 2U);
  EXPECT_EQ(read.images[0].output, top_ / "out/1.vhd");
  EXPECT_EQ(read.images[0].recipe.name, "b");
  EXPECT_EQ(read.images[0].recipe.file, top_ / "recipes/b.yaml");
  EXPECT_EQ(read.images[0].recipe.base.path, top_ / "base.vhd");
  EXPECT_EQ(read.images[0].where, (top_ / "fleet.yaml").string() + ":3");
  EXPECT_EQ(read.images[1].output, top_ / "a.vhd");
}

TEST_F(FleetFile, UsesTheDefaultDirectoryForOutputsWithoutAName) {
  fleet("defaults: {directory: out}\nimages: [recipes/a.yaml, {recipe: recipes/b.yaml, output: b.vhd}]\n");
  EXPECT_THAT(names(), ElementsAre("out/a.vhd", "b.vhd"));
}

TEST_F(FleetFile, IncludedFilesComeFirstAndCountOnce) {
  fleet("include: [more/one.yaml, two.yaml]\nimages: [recipes/a.yaml]\n");
  fleet("include: ../two.yaml\nimages: [{recipe: ../recipes/a.yaml, output: one.vhd}]\n", "more/one.yaml");
  fleet("images: [recipes/b.yaml]\n", "two.yaml");
  EXPECT_THAT(names(), ElementsAre("b.vhd", "more/one.vhd", "a.vhd"));
}

TEST_F(FleetFile, ReportsEveryProblemAtOnce) {
  write("recipes/broken.yaml", "schema: bake/v1\nbase: ../base.vhd\nos: ubuntu\nvm_sizes: [x]\n");
  write("recipes/baseless.yaml", "schema: bake/v1\nbase: no.vhd\nos: ubuntu 20.04\nvm_sizes: [x]\n");
  fleet(
      "include: [fleeet.yaml]\nimages:\n  - recipes/broken.yaml\n  - recipes/c.yaml\n  - recipes/baseless.yaml\n"
      "  - {recipe: recipes/a.yaml, outptu: x.vhd}\n  - {output: y.vhd}\nimage: []\n");
  EXPECT_EQ(problems(),
            "reading fleet 'fleet.yaml': 7 problems\n"
            "  fleet.yaml:2: there is no fleet file 'fleeet.yaml' (did you mean 'fleet.yaml'?)\n"
            "  recipes/broken.yaml:3: 'os' must name a system and its release, not 'ubuntu' (for example: os: ubuntu "
            "20.04)\n"
            "  fleet.yaml:5: there is no recipe 'recipes/c.yaml' (did you mean 'a.yaml'?)\n"
            "  fleet.yaml:6: the base 'recipes/no.vhd' of recipe 'recipes/baseless.yaml' does not exist\n"
            "  fleet.yaml:7: unknown key 'outptu' in image (did you mean 'output'?)\n"
            "  fleet.yaml:8: image has no 'recipe'\n"
            "  fleet.yaml:9: unknown key 'image' in fleet (did you mean 'images'?)");
}

TEST_F(FleetFile, RefusesOneOutputUnderTwoNames) {
  fs::create_directories(top_ / "out");
  fs::create_directory_symlink("out", top_ / "link");
  fleet(
      "images:\n  - {recipe: recipes/a.yaml, output: out/x.vhd}\n  - {recipe: recipes/b.yaml, output: link/x.vhd}\n"
      "  - {recipe: recipes/b.yaml, output: recipes/../out/./x.vhd}\n");
  EXPECT_EQ(problems(),
            "reading fleet 'fleet.yaml': 2 problems\n"
            "  fleet.yaml:4: the output 'out/x.vhd' is also the output of fleet.yaml:3 (give each image its own "
            "'output')\n"
            "  fleet.yaml:5: the output 'out/x.vhd' is also the output of fleet.yaml:3");
}

TEST_F(FleetFile, RefusesAnOutputThatIsAnInputOrASidecarFile) {
  fleet(
      "images:\n  - {recipe: recipes/a.yaml, output: base.vhd}\n  - {recipe: recipes/b.yaml, output: x}\n"
      "  - {recipe: recipes/b.yaml, output: x.log}\n");
  EXPECT_EQ(problems(),
            "reading fleet 'fleet.yaml': 2 problems\n"
            "  fleet.yaml:3: the output would replace 'base.vhd', a base of the fleet\n"
            "  fleet.yaml:5: the output 'x.log' is also the output of fleet.yaml:4 (give each image its own 'output')");
}

TEST_F(FleetFile, RefusesAFileThatIncludesItself) {
  fleet("include: [one.yaml]\nimages: [recipes/a.yaml]\n");
  fleet("include:\n  - two.yaml\n", "one.yaml");
  fleet("include: [one.yaml]\n", "two.yaml");
  EXPECT_EQ(problems(),
            "reading fleet 'fleet.yaml': two.yaml:2: 'one.yaml' includes itself: one.yaml → two.yaml → "
            "one.yaml");
}

TEST_F(FleetFile, RefusesAFleetWithoutImages) {
  fleet("");
  EXPECT_EQ(problems(), "reading fleet 'fleet.yaml': fleet.yaml:1: fleet has no images");
}

}  // namespace
}  // namespace bake::recipe
