// The JSON Schema of the matrix has the keys, words, flags and numbers that the reader knows.
#include <gtest/gtest.h>

#include "matrix/matrix.hpp"
#include "tests/support/schema_walk.hpp"

namespace bake::matrix {
namespace {

TEST(MatrixSchema, HasTheKeysOfTheReader) {
  SchemaWalk schema("matrix", [](const std::string& text) {
    const TemporaryDirectory directory;
    write_text_atomically(directory.path() / "o.yaml", text);
    return Matrix::check({directory.path()});
  });
  schema.walk(nlohmann::ordered_json::object());
  EXPECT_EQ(schema.differences, std::vector<std::string>{});
  EXPECT_EQ(schema.undescribed, std::vector<std::string>{});
  EXPECT_EQ(schema.maps, 10U);  // the file and nine topics
  EXPECT_EQ(schema.choices, 20U);
  EXPECT_EQ(schema.flags, 7U);
  EXPECT_EQ(schema.numbers, 1U);
}

}  // namespace
}  // namespace bake::matrix
