// A fleet file, next to a recipe, another fleet and a base that it may name.
#include <cstdint>
#include <fstream>
#include <string_view>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/recipe/fleet.hpp"

namespace {

void write(const std::filesystem::path& file, std::string_view text) {
  std::ofstream(file, std::ios::binary | std::ios::trunc).write(text.data(), static_cast<std::streamsize>(text.size()));
}

/// A directory with the files that the seeds name.
const std::filesystem::path& place() {
  static const bake::TemporaryDirectory directory;
  static const bool made = [] {
    write(directory.path() / "base.raw", "x");
    write(directory.path() / "recipe.yaml",
          "schema: bake/v1\nbase: base.raw\nos: ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\nofed: inbox\n");
    write(directory.path() / "other.yaml",
          "schema: bake/fleet/v1\nimages:\n  - {recipe: recipe.yaml, output: other.vhd}\n");
    return true;
  }();
  static_cast<void>(made);
  return directory.path();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = place() / "fleet.yaml";
  write(file, {reinterpret_cast<const char*>(data), size});
  try {
    for (const auto& image : bake::recipe::load_fleet(file).images)
      if (image.name.empty() || !image.output.is_absolute()) __builtin_trap();
  } catch (const bake::Error&) {
  }
  return 0;
}
