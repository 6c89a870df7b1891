#include "bake/job/cache.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_entries = 64;
constexpr std::int64_t racy_ns = 2'000'000'000;

std::string text_of(const FileIdentity& identity) {
  return fmt::format("{} {} {} {}", identity.size, identity.mtime_ns, identity.ctime_ns, identity.inode);
}

/// Returns the name of an entry: a digest of everything that must be the same.
std::string entry_name(const std::string& kind, const fs::path& file, const FileIdentity& identity) {
  const auto program = identity_of("/proc/self/exe");
  return kind + "-" +
         digest_of(fmt::format("{}\n{}\n{}\n{}\n{}", kind, fs::weakly_canonical(file).string(), text_of(identity),
                               BAKE_VERSION, program ? text_of(*program) : std::string()));
}

/// Returns whether only this user can write to the directory.
bool is_private(const fs::path& directory) {
  struct stat info {};
  return ::lstat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() &&
         (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool changed_just_now(const FileIdentity& identity) {
  const auto now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  return std::max(identity.mtime_ns, identity.ctime_ns) > now - racy_ns;
}

void remove_oldest(const fs::path& directory) {
  auto entries = entries_of(directory);
  if (entries.size() <= max_entries) return;
  std::sort(entries.begin(), entries.end(),
            [](const auto& one, const auto& other) { return fs::last_write_time(one) > fs::last_write_time(other); });
  for (std::size_t i = max_entries; i < entries.size(); ++i) fs::remove(entries[i]);
}

}  // namespace

std::optional<std::string> Cache::find(const std::string& kind, const fs::path& file) const {
  try {
    const auto identity = directory_.empty() ? std::nullopt : identity_of(file);
    if (!identity || !is_private(directory_)) return std::nullopt;
    const auto entry = directory_ / entry_name(kind, file, *identity);
    if (!fs::is_regular_file(entry)) return std::nullopt;
    return read_text(entry);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    return std::nullopt;
  } catch (const fs::filesystem_error&) {
    return std::nullopt;
  }
}

void Cache::keep(const std::string& kind, const fs::path& file, const std::optional<FileIdentity>& before,
                 std::string_view content) const {
  try {
    if (directory_.empty() || !before || identity_of(file) != before || changed_just_now(*before)) return;
    fs::create_directories(directory_.parent_path());
    ::mkdir(directory_.c_str(), S_IRWXU);
    if (!is_private(directory_)) return;
    write_text_atomically(directory_ / entry_name(kind, file, *before), content, S_IRUSR | S_IWUSR);
    remove_oldest(directory_);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
  } catch (const fs::filesystem_error&) {  // a full or read-only disk: the next run works without the entry
  }
}

fs::path cache_directory() {
  if (const char* directory = std::getenv("BAKE_CACHE"); directory != nullptr) return directory;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0')
    return fs::path(cache) / "bake";
  const char* home = std::getenv("HOME");
  return home != nullptr && *home != '\0' ? fs::path(home) / ".cache/bake" : fs::path();
}

}  // namespace bake::job
