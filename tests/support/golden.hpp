#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <string_view>

namespace bake::testing {

/// Compares `actual` with the content of `file`. With BAKE_ACCEPT_GOLDEN=1 in the environment it writes the file
/// instead and fails the test, so that a run with a leftover variable cannot pass.
inline void expect_content(const std::filesystem::path& file, const std::string& actual) {
  if (const char* accept = std::getenv("BAKE_ACCEPT_GOLDEN"); accept != nullptr && std::string_view(accept) == "1") {
    std::ofstream(file) << actual;
    ADD_FAILURE() << "BAKE_ACCEPT_GOLDEN=1 wrote " << file
                  << ": read the change, then run the test without the variable";
    return;
  }
  std::ifstream stream(file);
  const std::string expected{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  EXPECT_EQ(actual, expected) << "golden file " << file;
}

/// Compares `actual` with tests/unit/golden/<name>, as expect_content() does.
inline void expect_golden(const std::string& name, const std::string& actual) {
  expect_content(std::filesystem::path(SOURCE_DIR "/tests/unit/golden") / name, actual);
}

}  // namespace bake::testing
