#include "bake/recipe/document.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include "bake/base/file.hpp"
#include "bake/base/file_kind.hpp"
#include "bake/base/text.hpp"
#include "bake/recipe/recipe.hpp"

namespace bake::recipe {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

constexpr std::size_t sector = 512;

std::string bytes_at(const FileDescriptor& fd, std::uint64_t offset, const fs::path& file) {
  std::string bytes(sector, '\0');
  bytes.resize(read_at(fd, std::as_writable_bytes(std::span(bytes)), offset, file));
  return bytes;
}

/// Whether this is a disk image: by the boot signature of its first sector, the magic of a container, or the footer of
/// a VHD. bake/disk finds the exact format and its problems.
bool is_disk(const std::string& head, const std::string& tail) {
  return (head.size() == sector && head.ends_with("\x55\xaa"sv)) || head.starts_with("QFI\xfb"sv) ||
         head.starts_with("vhdxfile"sv) || head.starts_with("conectix"sv) || tail.starts_with("conectix"sv);
}

/// Text with zero bytes can be YAML in UTF-16 or UTF-32, which begins with a byte order mark.
bool is_wide_text(const std::string& head) {
  return head.starts_with("\xff\xfe"sv) || head.starts_with("\xfe\xff"sv) || head.starts_with("\0\0\xfe\xff"sv);
}

/// Returns whether a file that seems to be `seems` cannot be YAML. A YAML file of another schema is told by its parser,
/// with the line.
bool is_of_another_kind(std::string_view seems) { return !seems.empty() && !seems.starts_with("a YAML file"); }

}  // namespace

std::optional<std::string> read_document(const fs::path& file, std::string_view kind, std::string where,
                                         std::vector<Problem>& problems) {
  std::error_code out_of_reach;
  // Read a pipe directly, because it has no end to seek to. For anything else that is not a regular file, reading it
  // reports the reason.
  if (!fs::is_regular_file(file, out_of_reach)) return read_text(file, max_bytes);
  const auto fd = open_file(file, O_RDONLY);
  const auto size = fs::file_size(file);
  const auto head = bytes_at(fd, 0, file);
  if (is_disk(head, bytes_at(fd, size < sector ? 0 : size - sector, file))) {
    problems.push_back({std::move(where),
                        fmt::format("it is a disk, not a {}", kind),
                        "write a recipe for it",
                        {{Remedy::Action::write_recipe, file.string()}}});
    return std::nullopt;
  }
  if (const auto seems = kind_of_bytes(head); is_of_another_kind(seems)) {
    problems.push_back({std::move(where), fmt::format("it is {}, not a {}", seems, kind), "", {}});
    return std::nullopt;
  }
  const bool binary = head.find('\0') != std::string::npos && !is_wide_text(head);
  if (!binary && size <= max_bytes) return read_text(file, max_bytes);
  const auto reason = binary ? "it is not text" : fmt::format("it is larger than {} bytes", max_bytes);
  problems.push_back({std::move(where),
                      fmt::format("not a {}: {}", kind, reason),
                      "write a recipe for a disk",
                      {{Remedy::Action::write_recipe, "DISK"}}});
  return std::nullopt;
}

}  // namespace bake::recipe
