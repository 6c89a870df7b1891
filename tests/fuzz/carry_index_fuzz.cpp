// The index of an archive of `bake export`. No path of it may lead out of the directory that it is unpacked into.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>

#include "bake/base/error.hpp"
#include "bake/transfer/index.hpp"

namespace {

bool leads_out(const std::filesystem::path& path) {
  return path.is_absolute() || std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const auto index = bake::transfer::parse_index(text, "fuzz");
    for (const auto& file : index.files)
      if (file.path.empty() || file.sha256.size() != 64 || leads_out(file.path)) __builtin_trap();
    const auto written = bake::transfer::to_text(index);
    if (bake::transfer::to_text(bake::transfer::parse_index(written, "fuzz")) != written) __builtin_trap();
  } catch (const bake::Error&) {
  }
  return 0;
}
