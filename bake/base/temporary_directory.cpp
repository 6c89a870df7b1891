#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <system_error>
#include <unistd.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"

namespace bake {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view name_prefix = "bake-";
constexpr std::string_view name_pattern = "bake-XXXXXX";
constexpr const char* lock_name = "lock";
constexpr const char* content_name = "files";
/// The first line of the lock file. Only a directory with this line is removed: another program, or the user, may have
/// a directory with such a name. The second line names the machine, the others the directories of note_also().
constexpr std::string_view mark = "temporary directory of bake: removed when its process has ended";
constexpr std::size_t max_lock_file = 4096;

/// Returns a line that names this machine. On some shared file systems (Lustre, BeeGFS) a lock counts on one machine
/// only, so the lock of another machine shows nothing.
std::string line_of_machine() {
  std::string line = "machine ";
  const FileDescriptor file(::open("/etc/machine-id", O_RDONLY | O_CLOEXEC));
  std::string id(32, '\0');
  if (file.valid() && ::read(file.get(), id.data(), id.size()) == static_cast<ssize_t>(id.size())) line += id;
  utsname names{};
  if (::uname(&names) == 0) line += std::string(" ") + static_cast<const char*>(names.nodename);
  return line;
}

/// Opens a directory, not through a link, that belongs to this user: in /tmp others can make a directory or a link of
/// any name.
FileDescriptor open_own_directory(const fs::path& path) {
  FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (directory.valid() && (::fstat(directory.get(), &info) != 0 || info.st_uid != ::geteuid())) directory.reset();
  return directory;
}

std::string content_of_lock(const FileDescriptor& lock) {
  std::string text(max_lock_file, '\0');
  const auto count = ::pread(lock.get(), text.data(), text.size(), 0);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return text;
}

/// Removes `top`, and its lock after the content: a kill in the middle leaves a directory that the next run recognizes.
void remove_with_lock_last(const fs::path& top) {
  std::error_code ignored;
  fs::remove_all(top / content_name, ignored);
  fs::remove_all(top, ignored);
}

/// Removes the temporary directory `top` if the process that made it has ended: the kernel then releases its lock. A
/// process number would not show this, because numbers are used again.
void remove_if_dead(const fs::path& top) {
  const auto directory = open_own_directory(top);
  if (!directory.valid()) return;
  const FileDescriptor lock(::openat(directory.get(), lock_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!lock.valid() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return;
  const auto lines = split_lines(content_of_lock(lock));
  if (lines.size() < 2 || lines[0] != mark || lines[1] != line_of_machine()) return;
  std::error_code ignored;
  for (auto line = lines.begin() + 2; line != lines.end(); ++line)
    if (line->starts_with('/') && open_own_directory(*line).valid()) fs::remove_all(*line, ignored);
  remove_with_lock_last(top);
}

void remove_dead_below(const fs::path& parent) {
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.size() == name_pattern.size() && name.starts_with(name_prefix)) remove_if_dead(entry->path());
  }
}

fs::path default_parent() {
  const char* from_environment = std::getenv("TMPDIR");
  return from_environment != nullptr ? from_environment : "/var/tmp";
}

[[noreturn]] void fail(const fs::path& parent, bool by_default) {
  throw Error(ErrorKind::environment,
              fmt::format("making a temporary directory in '{}': {}", parent.string(), std::strerror(errno)),
              by_default ? "set $TMPDIR to a writable directory with free space" : "");
}

}  // namespace

TemporaryDirectory::TemporaryDirectory(const std::optional<fs::path>& parent) {
  const fs::path base = fs::absolute(parent.value_or(default_parent()));
  remove_dead_below(base);
  std::string pattern = (base / name_pattern).string();
  if (::mkdtemp(pattern.data()) == nullptr) fail(base, !parent);
  top_ = pattern;
  path_ = top_ / content_name;
  lock_ = FileDescriptor(::open((top_ / lock_name).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!lock_.valid() || ::mkdir(path_.c_str(), 0700) != 0) {
    const int error = errno;
    std::error_code ignored;
    fs::remove_all(top_, ignored);
    errno = error;
    fail(base, !parent);
  }
  // The mark is written last: until then nothing removes the directory. On a file system without locks it stays
  // unmarked.
  if (::flock(lock_.get(), LOCK_EX) == 0) {
    const auto line = std::string(mark) + "\n" + line_of_machine() + "\n";
    [[maybe_unused]] const auto written = ::write(lock_.get(), line.data(), line.size());
  }
}

TemporaryDirectory::~TemporaryDirectory() { remove_with_lock_last(top_); }

void TemporaryDirectory::note_also(const fs::path& directory) const {
  const auto line = directory.string() + "\n";
  // Without this line a killed run leaves the directory, and that is harmless.
  [[maybe_unused]] const auto written = ::write(lock_.get(), line.data(), line.size());
}

}  // namespace bake
