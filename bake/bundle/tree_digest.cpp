#include "bake/bundle/tree_digest.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sys/stat.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/printable.hpp"

namespace bake::bundle {
namespace fs = std::filesystem;
namespace {

using archive::ArchiveEntry;
using archive::EntryType;

std::string_view word(EntryType type) {
  return type == EntryType::directory ? "directory" : type == EntryType::symlink ? "link" : "file";
}

/// Describes one name of a directory without following it.
ArchiveEntry describe(const fs::path& file, const std::string& path) {
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0) throw_errno("reading", file, errno);
  ArchiveEntry entry;
  entry.path = path;
  entry.mode = status.st_mode & 07777U;
  if (S_ISDIR(status.st_mode)) {
    entry.type = EntryType::directory;
  } else if (S_ISLNK(status.st_mode)) {
    entry.type = EntryType::symlink;
    entry.target = fs::read_symlink(file).string();
  } else if (S_ISREG(status.st_mode)) {
    entry.size = static_cast<std::uint64_t>(status.st_size);
  } else {
    entry.type = EntryType::special;
    entry.special = S_ISBLK(status.st_mode)    ? "block device"
                    : S_ISCHR(status.st_mode)  ? "character device"
                    : S_ISFIFO(status.st_mode) ? "fifo"
                                               : "socket";
  }
  return entry;
}

/// Adds the entries below `directory`, whose path in the tree is `path`.
void add_entries(const fs::path& directory, const std::string& path, archive::EntryPolicy& policy,
                 std::vector<ArchiveEntry>& entries) {
  throw_if_interrupted();
  for (const auto& file : entries_of(directory)) {
    const auto name = file.filename().string();
    auto entry = policy.admit(describe(file, path.empty() ? name : path + "/" + name));
    if (!entry) continue;
    entries.push_back(*entry);
    if (entry->type == EntryType::directory) add_entries(file, entry->path, policy, entries);
  }
}

}  // namespace

TreeHasher::TreeHasher() {
  constexpr std::string_view version = "bake tree 1\n";
  hasher_.update(std::as_bytes(std::span(version)));
}

void TreeHasher::add(const ArchiveEntry& entry, std::string_view content) {
  const auto detail = entry.type == EntryType::symlink ? std::string_view(entry.target)
                      : entry.type == EntryType::file  ? content
                                                       : "-";
  const auto line = fmt::format("{}\t{:04o}\t{}\t{}\n", word(entry.type), entry.mode, detail, entry.path);
  hasher_.update(std::as_bytes(std::span(line)));
}

std::vector<ArchiveEntry> entries_of_tree(const fs::path& directory, const archive::EntryLimits& limits) {
  archive::EntryPolicy policy(printable(directory.string()), true, limits);
  std::vector<ArchiveEntry> entries;
  add_entries(directory, "", policy, entries);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return entries;
}

std::string digest_of_tree(const fs::path& directory, const archive::EntryLimits& limits) {
  TreeHasher hasher;
  for (const auto& entry : entries_of_tree(directory, limits))
    hasher.add(entry, entry.type == EntryType::file ? digest_of_file(directory / entry.path) : std::string());
  return hasher.hex();
}

}  // namespace bake::bundle
