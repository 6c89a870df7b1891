// What a tar archive may hold. A line is one entry: its type (f d l h s), its path, a tab, its link target.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "bake/archive/entry_policy.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace {

using bake::archive::ArchiveEntry;
using bake::archive::EntryType;

ArchiveEntry entry_of(std::string_view line) {
  ArchiveEntry entry;
  switch (line.front()) {
    case 'd':
      entry.type = EntryType::directory;
      break;
    case 'l':
      entry.type = EntryType::symlink;
      break;
    case 'h':
      entry.type = EntryType::hardlink;
      break;
    case 's':
      entry.type = EntryType::special;
      break;
    default:
      break;
  }
  line.remove_prefix(1);
  const auto tab = line.find('\t');
  entry.path = line.substr(0, tab);
  if (tab != std::string_view::npos) entry.target = line.substr(tab + 1);
  return entry;
}

/// Where `path` is in the end when the links in `links` are followed; climbing above the root is a finding.
void check_inside(const std::string& directory, const std::string& target) {
  auto depth = directory.empty() ? 0 : 1 + std::count(directory.begin(), directory.end(), '/');
  for (const auto& part : bake::split(target, '/')) {
    if (part == "..") --depth;
    if (depth < 0) __builtin_trap();
    if (!part.empty() && part != "." && part != "..") ++depth;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  bake::archive::EntryPolicy policy("fuzz", size % 2 == 0);
  try {
    for (const auto& line : bake::split_lines(text)) {
      if (line.empty()) continue;
      const auto entry = policy.admit(entry_of(line));
      if (!entry) continue;
      const auto& path = entry->path;
      if (path.empty() || path.front() == '/' || path.back() == '/' || path.find("//") != std::string::npos)
        __builtin_trap();
      for (const auto& part : bake::split(path, '/'))
        if (part == ".." || part == ".") __builtin_trap();
      if (entry->type == EntryType::special) __builtin_trap();
      const auto slash = path.rfind('/');
      if (entry->type == EntryType::symlink)
        check_inside(slash == std::string::npos ? "" : path.substr(0, slash), entry->target);
    }
  } catch (const bake::Error& error) {
    if (error.kind() != bake::ErrorKind::untrusted) __builtin_trap();
  }
  return 0;
}
