#include "bake/archive/entry_policy.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"

namespace bake::archive {

namespace {

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

/// Length of the well-formed UTF-8 sequence at the front of `text` (RFC 3629), or 0.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const auto first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  const auto second = byte(1);  // overlong forms, surrogates, beyond U+10FFFF
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90)) return 0;
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

EntryPolicy::EntryPolicy(std::string archive, bool rooted, EntryLimits limits)
    : archive_(std::move(archive)), rooted_(rooted), limits_(limits) {}

void EntryPolicy::refuse(const std::string& path, const std::string& reason) const {
  const auto shown = path.size() > 200 ? printable(path.substr(0, 200)) + "…" : printable(path);
  throw Error(ErrorKind::untrusted, fmt::format("reading bundle '{}': entry '{}' {}", archive_, shown, reason),
              "a bundle of the vendor never has such an entry: fetch it again from its publisher and pin its sha256");
}

/// `path` without "./" in front, doubled or trailing slashes; throws when it is not a plain relative path.
std::string EntryPolicy::clean_path(const std::string& path) const {
  if (path.empty()) refuse(path, "has no name");
  if (path.size() > limits_.path) refuse(path, fmt::format("has a path of more than {} bytes", limits_.path));
  if (path.front() == '/') refuse(path, "has an absolute path");
  if (!is_utf8(path)) refuse(path, "has a name that is not UTF-8");
  std::vector<std::string> parts;
  for (const auto& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") refuse(path, "has '..' in its path");
    if (part.size() > limits_.name) refuse(path, fmt::format("has a name of more than {} bytes", limits_.name));
    if (has_control(part)) refuse(path, "has control characters in its name");
    if (part.find('\\') != std::string::npos) refuse(path, "has a backslash in its name");
    parts.push_back(part);
  }
  if (parts.size() > limits_.depth) refuse(path, fmt::format("is more than {} directories deep", limits_.depth));
  return join(parts, "/");
}

/// Returns the part of `path` below the top directory; nothing when `path` is the top directory.
std::optional<std::string> EntryPolicy::below_top(const std::string& path, const std::string& subject) {
  const auto clean = clean_path(path);
  if (clean.empty()) return std::nullopt;
  if (rooted_) return clean;
  const auto slash = clean.find('/');
  const auto top = clean.substr(0, slash);
  if (top_.empty()) top_ = top;
  if (top != top_) refuse(subject, fmt::format("is outside the top directory '{}'", printable(top_)));
  if (slash == std::string::npos) return std::nullopt;
  return clean.substr(slash + 1);
}

void EntryPolicy::check_place(const std::string& path, EntryType type) {
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const auto parent = path.substr(0, slash);
    const auto [position, fresh] = seen_.try_emplace(parent, EntryType::directory);
    if (position->second != EntryType::directory)
      refuse(path, fmt::format("is below '{}', which is not a directory", parent));
    if (fresh)
      if (const auto [folded, new_case] = folded_.try_emplace(to_lower(parent), parent);
          !new_case && folded->second != parent)
        refuse(path, fmt::format("differs from '{}' only in case", folded->second));
  }
  const auto [position, fresh] = seen_.try_emplace(path, type);
  if (!fresh && (type != EntryType::directory || position->second != EntryType::directory))
    refuse(path, "occurs twice in the archive");
  const auto [folded, new_case] = folded_.try_emplace(to_lower(path), path);
  if (!new_case && folded->second != path) refuse(path, fmt::format("differs from '{}' only in case", folded->second));
}

/// Steps up are allowed only at the front of a target. The directory of a link is a real directory (check_place), so
/// the number of steps is exact. The rest of the target can only lead through links with the same check.
void EntryPolicy::check_symlink(const std::string& path, const std::string& target) const {
  if (target.empty()) refuse(path, "is a link with an empty target");
  if (target.size() > limits_.path) refuse(path, fmt::format("has a link target of more than {} bytes", limits_.path));
  if (target.front() == '/') refuse(path, fmt::format("is a link to the absolute path '{}'", printable(target)));
  if (has_control(target) || !is_utf8(target)) refuse(path, "has control characters in its link target");
  auto depth = std::count(path.begin(), path.end(), '/');
  bool descended = false;
  for (const auto& part : split(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      descended = true;
      continue;
    }
    if (descended) refuse(path, fmt::format("is a link with '..' after a directory name: '{}'", printable(target)));
    if (--depth < 0) refuse(path, fmt::format("is a link that leaves the top directory: '{}'", printable(target)));
  }
}

std::optional<ArchiveEntry> EntryPolicy::admit(ArchiveEntry entry) {
  if (++entries_ > limits_.entries)
    throw Error(ErrorKind::untrusted,
                fmt::format("reading bundle '{}': more than {} entries", archive_, limits_.entries),
                "a bundle of the vendor has some hundred entries");
  const auto written = entry.path;
  names_ += entry.path.size() + entry.target.size();
  if (names_ > limits_.names)
    throw Error(ErrorKind::untrusted,
                fmt::format("reading bundle '{}': more than {} of file names", archive_, human_size(limits_.names)));
  if (entry.type == EntryType::special) refuse(written, fmt::format("is a {}", entry.special));
  auto path = below_top(entry.path, written);
  if (!path) {
    if (entry.type != EntryType::directory) refuse(written, "is next to the top directory");
    return std::nullopt;
  }
  if (entry.type == EntryType::file && (entry.mode & 06000U) != 0) refuse(written, "is set-user-ID or set-group-ID");
  if (entry.type == EntryType::hardlink) {
    const auto target = below_top(entry.target, written);
    const auto found = target ? seen_.find(*target) : seen_.end();
    if (found == seen_.end() || found->second != EntryType::file)
      refuse(written,
             fmt::format("is a hard link to '{}', which is not a file of the archive", printable(entry.target)));
    entry.target = *target;
  }
  if (entry.type == EntryType::symlink) check_symlink(*path, entry.target);
  check_place(*path, entry.type == EntryType::hardlink ? EntryType::file : entry.type);
  if (entry.type == EntryType::file) {
    if (entry.size > limits_.bytes - announced_)
      throw Error(ErrorKind::untrusted,
                  fmt::format("reading bundle '{}': more than {} of data", archive_, human_size(limits_.bytes)));
    announced_ += entry.size;
  }
  entry.path = std::move(*path);
  return entry;
}

void EntryPolicy::count(std::uint64_t bytes, std::uint64_t bytes_in) {
  bytes_ += bytes;
  if (bytes_ > limits_.bytes)
    throw Error(ErrorKind::untrusted,
                fmt::format("reading bundle '{}': more than {} of data", archive_, human_size(limits_.bytes)));
  if (bytes_ > limits_.ratio_from && bytes_ / limits_.ratio > bytes_in)
    throw Error(ErrorKind::untrusted,
                fmt::format("reading bundle '{}': {} unpack to more than {} times their size", archive_,
                            human_size(bytes_in), limits_.ratio),
                "it may be a decompression bomb; packages are compressed already");
}

}  // namespace bake::archive
