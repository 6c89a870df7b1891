// The JSON Schemas of recipes and fleets have the keys, words, flags and numbers that the parsers know, and their
// defaults.
#include <gtest/gtest.h>

#include "bake/base/yaml.hpp"
#include "bake/recipe/fleet.hpp"
#include "bake/recipe/recipe.hpp"
#include "tests/support/schema_walk.hpp"

namespace bake::recipe {
namespace {

using Json = nlohmann::ordered_json;

std::vector<Problem> problems_of_recipe(const std::string& text) {
  std::vector<Problem> problems;
  parse(text, "r.yaml", problems);
  return problems;
}

/// The lines of the error as problems: "  FILE:LINE: MESSAGE (HINT)".
std::vector<Problem> problems_of_fleet(const std::string& text) {
  const TemporaryDirectory directory;
  write_text_atomically(directory.path() / "f.yaml", text);
  std::vector<Problem> problems;
  try {
    load_fleet(directory.path() / "f.yaml");
  } catch (const Error& error) {
    for (const auto& line : split_lines(error.message())) {
      const auto hint = line.rfind(" (");
      problems.push_back({"", line.substr(0, hint), hint == std::string::npos ? "" : line.substr(hint + 2), {}});
      if (!problems.back().hint.empty()) problems.back().hint.pop_back();
    }
  }
  return problems;
}

TEST(RecipeSchema, HasTheKeysOfTheParser) {
  SchemaWalk schema("recipe", problems_of_recipe);
  schema.walk({{"schema", "bake/v1"}});
  EXPECT_EQ(schema.differences, std::vector<std::string>{});
  EXPECT_EQ(schema.undescribed, std::vector<std::string>{});
  // recipe, base, kernel, ofed, configure, firstboot, customize, files, lines, services, users, gallery
  EXPECT_EQ(schema.maps, 13U);
  EXPECT_EQ(schema.choices, 5U);
  EXPECT_EQ(schema.flags, 11U);
  EXPECT_EQ(schema.numbers, 1U);
}

TEST(FleetSchema, HasTheKeysOfTheParser) {
  SchemaWalk schema("fleet", problems_of_fleet);
  schema.walk({{"schema", "bake/fleet/v1"}});
  EXPECT_EQ(schema.differences, std::vector<std::string>{});
  EXPECT_EQ(schema.undescribed, std::vector<std::string>{});
  EXPECT_EQ(schema.maps, 3U);  // fleet, defaults, image
}

TEST(SchemaWalk, FindsAKeyThatOnlyTheParserKnows) {
  SchemaWalk fleet_schema_with_the_recipe_parser("fleet", problems_of_recipe);
  fleet_schema_with_the_recipe_parser.walk({{"schema", "bake/v1"}});
  ASSERT_FALSE(fleet_schema_with_the_recipe_parser.differences.empty());
  EXPECT_TRUE(fleet_schema_with_the_recipe_parser.differences[0].starts_with(
      "the document: keys: the schema has defaults images include schema; the parser has base configure customize "))
      << fleet_schema_with_the_recipe_parser.differences[0];
}

/// Compares the defaults in `schema` with the values in `written`, a map of a recipe that says nothing about them.
void compare_defaults(const Json& schema, const yaml::Node& written, std::size_t& compared) {
  for (const auto& [name, value] : written.entries) {
    if (!schema.at("properties").contains(name)) continue;
    const auto& property = schema.at("properties").at(name);
    if (property.contains("default") && value.kind == yaml::Node::Kind::scalar) {
      const auto& fallback = property.at("default");
      EXPECT_EQ(fallback.is_string() ? fallback.get<std::string>() : fallback.dump(), value.scalar) << name;
      ++compared;
    }
    const auto& map = property.contains("anyOf") ? property.at("anyOf").back() : property;
    if (map.contains("properties")) compare_defaults(map, value, compared);
  }
}

TEST(RecipeSchema, HasTheDefaultsOfTheParser) {
  const auto schema = Json::parse(read_text(SOURCE_DIR "/docs/recipe.schema.json"));
  const auto recipe = parse("schema: bake/v1\nbase: b.vhd\nos: ubuntu 20.04\nvm_sizes: [a]\n", "r.yaml");
  std::vector<Problem> problems;
  const auto written = yaml::parse(write(recipe), "r.yaml", problems);
  std::size_t compared = 0;
  compare_defaults(schema, written, compared);
  EXPECT_EQ(compared, 16U);
}

}  // namespace
}  // namespace bake::recipe
