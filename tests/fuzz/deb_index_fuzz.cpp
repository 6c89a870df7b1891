// Packages, Release and control files from a bundle.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "bake/base/error.hpp"
#include "bake/packages/deb_index.hpp"

namespace {

/// "..x.deb" is a file's name, "../x.deb" is not.
bool leads_out(const std::filesystem::path& path) {
  return path.is_absolute() || std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    for (const auto& package : bake::bundle::parse_packages(text, "fuzz"))
      if (package.name.empty() || package.file.digests.empty() || leads_out(package.file.file)) __builtin_trap();
  } catch (const bake::Error&) {
  }
  try {
    static_cast<void>(bake::bundle::parse_release(text, "fuzz"));
  } catch (const bake::Error&) {
  }
  // A control file put into an index of ours must come out as one package: the file that we say it is.
  const bake::bundle::IndexedFile file{"x.deb", 1, {{bake::DigestAlgorithm::sha256, std::string(64, 'a')}}};
  try {
    for (const auto& package : bake::bundle::parse_packages(bake::bundle::packages_paragraph(text, file), "fuzz"))
      if (package.file.file != "x.deb" || package.file.size != 1) __builtin_trap();
  } catch (const bake::Error&) {
  }
  return 0;
}
