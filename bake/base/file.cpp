#include "bake/base/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/text.hpp"

namespace bake {
namespace fs = std::filesystem;

namespace {

std::string name_of_user(uid_t user) {
  std::array<char, 4096> buffer{};
  struct passwd entry {};
  struct passwd* found = nullptr;
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return fmt::format("user {}", user);
}

}  // namespace

std::string ownership_hint(const fs::path& object) {
  struct stat info {};
  auto place = fs::absolute(object);
  while (::stat(place.c_str(), &info) != 0) {
    if (!place.has_relative_path()) return {};
    place = place.parent_path();
  }
  return fmt::format("'{}' belongs to {} (mode {:04o}), and bake runs as {}", place.string(), name_of_user(info.st_uid),
                     info.st_mode & 07777U, name_of_user(::geteuid()));
}

void throw_errno(std::string_view doing, const fs::path& object, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  const bool too_large = error == EFBIG;
  const auto kind = full || too_large ? ErrorKind::environment : ErrorKind::failed;
  const std::string hint = full        ? "free some space on that file system"
                           : too_large ? "a limit (ulimit -f) or the file system does not allow a file of this size"
                           : error == EACCES || error == EPERM ? ownership_hint(object)
                                                               : "";
  throw Error(kind, fmt::format("{} '{}': {}", doing, object.string(), std::strerror(error)), hint);
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int FileDescriptor::release() noexcept { return std::exchange(fd_, -1); }

void FileDescriptor::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

namespace {

/// Returns the missing directory of a missing file, or the file next to it whose name is the closest.
std::string hint_for_missing(const fs::path& file) {
  const auto directory = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::exists(directory, error)) return error ? "" : fmt::format("there is no directory '{}'", directory.string());
  std::vector<std::string> names;
  fs::directory_iterator entry(directory, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  const auto found = closest(file.filename().string(), names);
  return found ? fmt::format("did you mean '{}'?", (file.parent_path() / *found).string()) : "";
}

}  // namespace

void require_not_directory(const FileDescriptor& fd, const fs::path& file) {
  struct stat info {};
  if (::fstat(fd.get(), &info) == 0 && S_ISDIR(info.st_mode))
    throw Error(ErrorKind::usage, fmt::format("reading '{}': it is a directory, not a file", file.string()),
                "name a file in it");
}

FileDescriptor open_file(const fs::path& file, int flags, unsigned mode) {
  const bool writing = (flags & (O_WRONLY | O_RDWR)) != 0;
  // Without O_NONBLOCK, opening a named pipe waits for a writer, perhaps forever.
  FileDescriptor fd(::open(file.c_str(), flags | O_CLOEXEC | (writing ? 0 : O_NONBLOCK), mode));
  struct stat info {};
  if (fd.valid() && !writing && ::fstat(fd.get(), &info) == 0 &&
      (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) || S_ISCHR(info.st_mode)))
    throw Error(
        ErrorKind::usage,
        fmt::format("opening '{}': it is a {}, not a file", file.string(), S_ISCHR(info.st_mode) ? "device" : "pipe"),
        "write its content to a file first");
  if (fd.valid()) return fd;
  if (!writing && errno == ENOENT)
    throw Error(ErrorKind::usage, fmt::format("opening '{}': no such file", file.string()), hint_for_missing(file));
  throw_errno(writing ? "opening for writing" : "opening", file, errno);
}

std::size_t read_some(const FileDescriptor& fd, std::span<std::byte> buffer, const fs::path& name) {
  throw_if_interrupted();
  for (;;) {
    const auto count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) throw_errno("reading", name, errno);
  }
}

void write_all(const FileDescriptor& fd, std::span<const std::byte> data, const fs::path& name) {
  while (!data.empty()) {
    const auto count = ::write(fd.get(), data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("writing", name, errno);
    data = data.subspan(static_cast<std::size_t>(count));
  }
}

std::size_t read_at(const FileDescriptor& fd, std::span<std::byte> buffer, std::uint64_t offset, const fs::path& name) {
  throw_if_interrupted();
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const auto rest = buffer.subspan(filled);
    const auto count = ::pread(fd.get(), rest.data(), rest.size(), static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("reading", name, errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

void write_at(const FileDescriptor& fd, std::span<const std::byte> data, std::uint64_t offset, const fs::path& name) {
  while (!data.empty()) {
    const auto count = ::pwrite(fd.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("writing", name, errno);
    data = data.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

std::string read_text(const fs::path& file, std::size_t limit) {
  const auto fd = open_file(file, O_RDONLY);
  require_not_directory(fd, file);
  std::string text;
  std::array<std::byte, 65536> buffer{};
  for (;;) {
    const auto count = read_some(fd, buffer, file);
    if (count == 0) return text;
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (text.size() > limit)
      throw Error(ErrorKind::failed, fmt::format("reading '{}': larger than {} bytes", file.string(), limit));
  }
}

namespace {

/// umask(2) can only be read by setting it; bake runs no threads that make files.
mode_t file_creation_mask() {
  const auto mask = ::umask(0);
  ::umask(mask);
  return mask;
}

}  // namespace

void write_text_atomically(const fs::path& file, std::string_view content, unsigned mode) {
  std::error_code unknown;
  const auto status = fs::status(file, unknown);
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw Error(ErrorKind::usage, fmt::format("writing '{}': it is not a regular file", file.string()),
                "choose another output");
  // A fresh name, readable only by this user until the content is complete: in a directory that others can write to, a
  // known name could be another user's file or link.
  std::string aside = file.string() + ".XXXXXX.new";
  const FileDescriptor fd(::mkostemps(aside.data(), 4, O_CLOEXEC));
  // Messages name the file of the caller, not its temporary name.
  if (!fd.valid()) throw_errno("writing", file, errno);
  try {
    write_all(fd, std::as_bytes(std::span(content.data(), content.size())), file);
    if (::fchmod(fd.get(), mode & ~file_creation_mask()) != 0) throw_errno("writing", file, errno);
    if (::fsync(fd.get()) != 0) throw_errno("syncing", file, errno);
    if (::rename(aside.c_str(), file.c_str()) != 0) throw_errno("writing", file, errno);
  } catch (...) {
    ::unlink(aside.c_str());
    throw;
  }
  sync_path(file.has_parent_path() ? file.parent_path() : fs::path("."));
}

std::string name_of_path(const fs::path& path) {
  return fs::absolute(path / ".").lexically_normal().parent_path().filename().string();
}

std::vector<fs::path> entries_of(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error))
    entries.push_back(entry->path());
  if (error && error != std::errc::no_such_file_or_directory)
    throw_errno("reading directory", directory, error.value());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::optional<FileIdentity> identity_of(const std::filesystem::path& file) {
  const auto nanoseconds = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return FileIdentity{static_cast<std::uint64_t>(info.st_size), nanoseconds(info.st_mtim), nanoseconds(info.st_ctim),
                      info.st_ino};
}

void sync_path(const fs::path& path) {
  const auto fd = open_file(path, O_RDONLY);
  // Some file systems cannot sync a directory and return EINVAL; the write itself succeeded.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) throw_errno("syncing", path, errno);
}

std::uint64_t free_bytes_at(const fs::path& path) {
  fs::path existing = fs::absolute(path);
  while (!fs::exists(existing) && existing.has_relative_path()) existing = existing.parent_path();
  struct statvfs info {};
  if (::statvfs(existing.c_str(), &info) != 0) throw_errno("reading the free space at", existing, errno);
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

}  // namespace bake
