#include "bake/job/cache.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_entries = 64;
constexpr std::int64_t second_ns = 1'000'000'000;
// The times of files come from a clock that ticks at least 100 times in a second (linux, kernel/time/timekeeping.c,
// ktime_get_coarse_real_ts64).
constexpr std::int64_t settled_ns = second_ns / 20;

std::string text_of(const FileIdentity& identity) {
  return fmt::format("{} {} {} {}", identity.size, identity.mtime_ns, identity.ctime_ns, identity.inode);
}

/// Returns whether only this user can write to a file or directory.
bool is_private(const struct stat& info) {
  return info.st_uid == ::geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// Returns the identity of the file system of `file`; empty when a change of the file may leave its times as they are.
/// On a server they are what the server says. On tmpfs a write through a shared mapping does not change them (linux,
/// mm/shmem.c: its mappings have no page_mkwrite), elsewhere only the first one since the page was written to the disk
/// (mm/filemap.c, filemap_page_mkwrite), so the file must not be one that another user can map for writing. The numbers
/// come from statfs(2).
std::optional<std::string> file_system_of(const fs::path& file) {
  constexpr std::array<long, 4> believed{0xEF53, 0x58465342, 0x9123683E, 0x794C7630};  // ext, XFS, btrfs, overlayfs
  struct statfs system {};
  struct stat info {};
  if (::statfs(file.c_str(), &system) != 0 || ::stat(file.c_str(), &info) != 0 || !is_private(info))
    return std::nullopt;
  if (std::find(believed.begin(), believed.end(), static_cast<long>(system.f_type)) == believed.end())
    return std::nullopt;
  return fmt::format("{} {} {}", info.st_dev, system.f_fsid.__val[0], system.f_fsid.__val[1]);
}

/// Returns the name of an entry: a digest of everything that must be the same. Empty when nothing may be kept.
std::string entry_name(const std::string& kind, const fs::path& file, const FileIdentity& identity) {
  const auto file_system = file_system_of(file);
  if (!file_system) return {};
  const auto program = identity_of("/proc/self/exe");
  return kind + "-" +
         digest_of(fmt::format("{}\n{}\n{}\n{}\n{}\n{}", kind, fs::weakly_canonical(file).string(), *file_system,
                               text_of(identity), BAKE_VERSION, program ? text_of(*program) : std::string()));
}

bool is_private_directory(const fs::path& directory) {
  struct stat info {};
  return ::lstat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && is_private(info);
}

/// Returns the nanoseconds since the last change of a file.
std::int64_t age_of(const FileIdentity& identity) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - identity.ctime_ns;
}

/// Returns whether this is the name of an entry: the directory may have files that are not of bake.
bool is_entry(const fs::path& file) {
  constexpr std::size_t digest_size = 64;
  const auto name = file.filename().string();
  return name.size() > digest_size + 1 && name[name.size() - digest_size - 1] == '-' &&
         is_sha256(std::string_view(name).substr(name.size() - digest_size));
}

void remove_oldest(const fs::path& directory) {
  auto entries = entries_of(directory);
  std::erase_if(entries, [](const auto& file) { return !is_entry(file); });
  if (entries.size() <= max_entries) return;
  std::sort(entries.begin(), entries.end(),
            [](const auto& one, const auto& other) { return fs::last_write_time(one) > fs::last_write_time(other); });
  for (std::size_t i = max_entries; i < entries.size(); ++i) fs::remove(entries[i]);
}

}  // namespace

std::optional<std::string> Cache::find(const std::string& kind, const fs::path& file) const {
  try {
    const auto identity = directory_.empty() ? std::nullopt : identity_of(file);
    if (!identity || !is_private_directory(directory_)) return std::nullopt;
    const auto entry = entry_name(kind, file, *identity);
    if (entry.empty() || !fs::is_regular_file(directory_ / entry)) return std::nullopt;
    return read_text(directory_ / entry);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    return std::nullopt;
  } catch (const fs::filesystem_error&) {
    return std::nullopt;
  }
}

std::optional<FileIdentity> Cache::settled_identity_of(const fs::path& file) {
  auto identity = identity_of(file);
  if (!identity) return identity;
  const auto age = age_of(*identity);
  const bool whole_seconds = identity->ctime_ns % second_ns == 0;
  if (age < 0 || (whole_seconds && age < 2 * second_ns)) return std::nullopt;
  if (age >= settled_ns) return identity;
  std::this_thread::sleep_for(std::chrono::nanoseconds(settled_ns - age));
  return identity_of(file) == identity ? identity : std::nullopt;
}

void Cache::keep(const std::string& kind, const fs::path& file, const std::optional<FileIdentity>& before,
                 std::string_view content) const {
  try {
    if (directory_.empty() || !before || identity_of(file) != before) return;
    const auto entry = entry_name(kind, file, *before);
    if (entry.empty()) return;
    write(entry, content);
    remove_oldest(directory_);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
  } catch (const fs::filesystem_error&) {  // a full or read-only disk: the next run works without the entry
  }
}

void Cache::write(const fs::path& name, std::string_view content) const {
  fs::create_directories(directory_.parent_path());
  ::mkdir(directory_.c_str(), S_IRWXU);
  if (is_private_directory(directory_)) write_text_atomically(directory_ / name, content, S_IRUSR | S_IWUSR);
}

std::optional<std::string> Cache::note(const std::string& name) const {
  try {
    if (directory_.empty() || !is_private_directory(directory_) || !fs::is_regular_file(directory_ / name))
      return std::nullopt;
    return read_text(directory_ / name);
  } catch (const Error&) {
    return std::nullopt;
  } catch (const fs::filesystem_error&) {
    return std::nullopt;
  }
}

void Cache::keep_note(const std::string& name, std::string_view content) const {
  try {
    if (!directory_.empty()) write(name, content);
  } catch (const Error&) {  // as in keep()
  } catch (const fs::filesystem_error&) {
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
