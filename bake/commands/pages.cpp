#include "bake/commands/pages.hpp"

#include <fmt/format.h>
#include <fstream>
#include <string>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/disk/output.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view mark = "<meta name=\"generator\" content=\"bake ";

/// Returns whether bake wrote this page.
bool is_page(const fs::path& file) {
  std::string head(1024, '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(stream.gcount()));
  return head.find(mark) != std::string::npos;
}

}  // namespace

void require_page(const fs::path& file, bool force, const std::vector<fs::path>& inputs) {
  if (file == "-") return;
  require_parent_directory(file);
  require_replaceable(file, true);
  std::error_code not_there;
  if (!fs::exists(file, not_there)) return;
  for (const auto& input : inputs)
    if (fs::equivalent(input, file, not_there))
      throw Error(ErrorKind::usage, fmt::format("writing '{}': it is an input", file.string()), "choose another file");
  if (!force && !is_page(file))
    throw Error(ErrorKind::usage, fmt::format("writing '{}': it exists and is not a page of bake", file.string()),
                "--force replaces it");
}

void write_page(const fs::path& file, std::string_view html) { write_text_atomically(file, html); }

}  // namespace bake::cli
