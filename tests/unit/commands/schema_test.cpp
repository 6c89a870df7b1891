#include <gtest/gtest.h>
#include <sstream>

#include "bake/base/file.hpp"
#include "bake/commands/commands.hpp"

namespace bake::cli {
namespace {

std::string printed(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run(arguments, out, err), 0) << err.str();
  EXPECT_EQ(err.str(), "");
  return out.str();
}

TEST(SchemaCommand, PrintsTheFilesOfDocs) {
  for (const std::string kind : {"recipe", "fleet", "matrix"}) {
    const auto file = read_text(SOURCE_DIR "/docs/" + kind + ".schema.json");
    EXPECT_EQ(printed({"schema", kind}), file);
    EXPECT_EQ(printed({"schema", kind, "--json"}), file);
  }
}

TEST(SchemaCommand, NeedsAKindThatItKnows) {
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run({"schema"}, out, err), 2);
  EXPECT_EQ(run({"schema", "manifest"}, out, err), 2);
  EXPECT_EQ(out.str(), "");
}

TEST(EditorComment, NamesTheSchemaOfTheInstallation) {
  const TemporaryDirectory prefix;
  const auto schema = prefix.path() / "share/bake/schema/recipe.schema.json";
  std::filesystem::create_directories(schema.parent_path());
  write_text_atomically(schema, "{}");
  EXPECT_EQ(editor_comment(prefix.path() / "bin/bake"), "# yaml-language-server: $schema=" + schema.string() + "\n");
}

TEST(EditorComment, WithoutAnInstallationSaysHowToMakeTheSchema) {
  const TemporaryDirectory prefix;
  EXPECT_EQ(editor_comment(prefix.path() / "bin/bake"),
            "# bake schema recipe > recipe.schema.json makes the file with which editors check and complete the keys.\n"
            "# yaml-language-server: $schema=recipe.schema.json\n");
}

}  // namespace
}  // namespace bake::cli
