// Helper for tests on genuine material, which is not in git.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace bake::testing {

/// Returns the directory `name` of genuine material: below $BAKE_TEST_DATA, or else next to the checkout. Tests skip
/// themselves when it does not exist.
inline std::filesystem::path genuine_data(std::string_view name) {
  const char* given = std::getenv("BAKE_TEST_DATA");
  const auto data = given != nullptr ? std::filesystem::path(given)
                                     : std::filesystem::path(SOURCE_DIR).parent_path() / "shared" / "data";
  return data / name;
}

}  // namespace bake::testing
