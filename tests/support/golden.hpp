#pragma once

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace bake::testing {

/// Holds `actual` to tests/unit/golden/<name>. With BAKE_ACCEPT_GOLDEN=1 in the environment the file is written
/// instead; read the diff before you commit it.
inline void expect_golden(const std::string& name, const std::string& actual) {
  const std::string path = std::string(SOURCE_DIR "/tests/unit/golden/") + name;
  if (const char* accept = std::getenv("BAKE_ACCEPT_GOLDEN"); accept != nullptr && std::string(accept) == "1")
    std::ofstream(path) << actual;
  std::ifstream file(path);
  const std::string expected{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_EQ(actual, expected) << "golden file " << name;
}

}  // namespace bake::testing
