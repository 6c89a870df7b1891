#include "bake/store/checksum_file.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <set>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"

namespace bake::store {
namespace {

constexpr std::size_t max_file = std::size_t{1} << 20U;
constexpr std::size_t digits = 64;

struct Line {
  std::string digest;
  std::string name;
};

/// Reads "SHA256 (name) = digest", as `sha256sum --tag` writes it.
std::optional<Line> read_tagged(std::string_view text) {
  constexpr std::string_view front = "SHA256 (", middle = ") = ";
  const auto at = text.rfind(middle);
  if (!text.starts_with(front) || at == std::string_view::npos) return std::nullopt;
  return Line{std::string(text.substr(at + middle.size())), std::string(text.substr(front.size(), at - front.size()))};
}

std::optional<Line> read_line(std::string_view text) {
  auto line = read_tagged(text);
  if (!line && text.size() > digits + 2 && text[digits] == ' ' && (text[digits + 1] == ' ' || text[digits + 1] == '*'))
    line = Line{std::string(text.substr(0, digits)), std::string(text.substr(digits + 2))};
  if (!line || !is_sha256(line->digest)) return std::nullopt;
  line->name.erase(0, line->name.rfind('/') + 1);
  return line;
}

/// The digest of a file that consists of one digest without a name, as vendors publish it next to an archive.
std::optional<std::string> bare_digest(const std::vector<std::string>& lines) {
  std::optional<std::string> digest;
  for (const auto& line : lines) {
    const auto text = trim(line);
    if (text.empty()) continue;
    if (digest || !is_sha256(text)) return std::nullopt;
    digest = to_lower(text);
  }
  return digest;
}

}  // namespace

std::string digest_in_checksum_file(const std::filesystem::path& file, const std::vector<std::string>& names) {
  std::set<std::string> found, others;
  const auto lines = split_lines(read_text(file, max_file));
  if (const auto digest = bare_digest(lines)) return *digest;
  for (const auto& text : lines) {
    const auto line = read_line(trim(text));
    if (!line) continue;
    if (std::find(names.begin(), names.end(), line->name) != names.end())
      found.insert(to_lower(line->digest));
    else
      others.insert(printable(line->name));
  }
  if (found.size() == 1) return *found.begin();
  const auto doing = fmt::format("reading the checksum file '{}': ", file.string());
  if (!found.empty())
    throw Error(ErrorKind::usage, fmt::format("{}it has {} digests of {}", doing, found.size(), names.front()));
  throw Error(ErrorKind::usage, fmt::format("{}no line has the name {}", doing, names.front()),
              others.empty() ? "each line must be '<sha256>  <name>', as sha256sum writes it; or the file is one digest"
                             : fmt::format("it has {}", join({others.begin(), others.end()}, ", ")));
}

}  // namespace bake::store
