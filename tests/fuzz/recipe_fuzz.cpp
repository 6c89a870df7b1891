// A recipe, and what bake writes of it.
#include <cstdint>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/recipe/recipe.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<bake::Problem> problems;
  const auto recipe = bake::recipe::parse(text, "/fuzz/recipe.yaml", problems);
  if (!problems.empty()) return 0;
  if (recipe.os.id.empty() || recipe.base.path.empty()) __builtin_trap();  // parse() names every missing part
  std::vector<bake::Problem> again;
  static_cast<void>(bake::recipe::parse(bake::recipe::write(recipe), "/fuzz/recipe.yaml", again));
  return 0;
}
