// The table in README.md of the drivers for newer releases is what the matrix says.
#include <gtest/gtest.h>

#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "matrix/matrix.hpp"

namespace bake::matrix {
namespace {

/// The cells of each row of the table whose header begins with `header`.
std::vector<std::vector<std::string>> rows_of_table(const std::string& header) {
  std::vector<std::vector<std::string>> rows;
  bool inside = false;
  for (const auto& line : split_lines(read_text(SOURCE_DIR "/README.md", 1U << 20U))) {
    const auto text = trim(line);
    inside = text.starts_with(header) || (inside && text.starts_with('|'));
    if (!inside || text.starts_with(header) || text.starts_with("|---")) continue;
    std::vector<std::string> cells;
    for (const auto& cell : split(text.substr(1, text.size() - 2), '|')) cells.emplace_back(trim(cell));
    rows.push_back(std::move(cells));
  }
  return rows;
}

TEST(Readme, TheDriversOfNewerReleasesAreTheFirstChoicesOfTheMatrix) {
  const auto matrix = Matrix::built_in();
  const auto rows = rows_of_table("| release | VM size | kernel | driver |");
  ASSERT_EQ(rows.size(), 7U);
  for (const auto& row : rows) {
    ASSERT_EQ(row.size(), 4U);
    for (const auto& name : split(row[0], ',')) {
      const auto release = std::string(trim(name));
      const auto digit = release.find_first_of("0123456789");
      ASSERT_NE(digit, std::string::npos) << release;
      const auto resolution = matrix.resolve({release.substr(0, digit), release.substr(digit), row[2], {row[1]}, ""});
      ASSERT_FALSE(resolution.choices.empty()) << release;
      EXPECT_EQ(resolution.choices.front().ofed, row[3]) << release;
    }
  }
}

}  // namespace
}  // namespace bake::matrix
