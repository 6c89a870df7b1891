#include "firstboot/system.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace firstboot {
namespace {

/// A file descriptor, closed at the end of its scope.
class File {
 public:
  File(const char* path, int flags, mode_t mode = 0) : fd_(open(path, flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// The record of getdents64(2). <dirent.h> is not used, because it needs malloc.
struct DirectoryEntry {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[1];
};

}  // namespace

View read_file(const char* path, char* buffer, size_t capacity) {
  const File file(path, O_RDONLY | O_NONBLOCK);
  if (!file.ok()) return {};
  size_t size = 0;
  while (size < capacity) {
    const ssize_t got = read(file.fd(), buffer + size, capacity - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {};
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  return {buffer, size};
}

bool read_line(const char* path, Text& out) {
  char buffer[512];
  const File file(path, O_RDONLY | O_NONBLOCK);
  if (!file.ok()) return false;
  const ssize_t got = read(file.fd(), buffer, sizeof buffer);
  if (got < 0) return false;
  View text(buffer, static_cast<size_t>(got));
  View line;
  next_line(text, line);
  out.clear();
  out << trim(line);
  return true;
}

bool exists(const char* path) { return access(path, F_OK) == 0; }

bool link_target(const char* path, Text& out) {
  char target[512];
  const ssize_t size = readlink(path, target, sizeof target);
  if (size <= 0) return false;
  out.clear();
  out << View(target, static_cast<size_t>(size));
  return !out.truncated();
}

bool link_name(const char* path, Text& out) {
  Path target;
  if (!link_target(path, target)) return false;
  out.clear();
  out << base_name(target);
  return !out.empty();
}

bool make_directories(View path) {
  Path partial;
  for (size_t i = 0; i <= path.size; ++i) {
    if (i > 0 && (i == path.size || path[i] == '/') && mkdir(partial.c_str(), 0755) != 0 && errno != EEXIST)
      return false;
    if (i < path.size) partial << path[i];
  }
  return !partial.truncated();
}

bool write_all(int fd, View content) {
  while (!content.empty()) {
    const ssize_t put = write(fd, content.data, content.size);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    content = skip(content, static_cast<size_t>(put));
  }
  return true;
}

bool replace_file(View path, View content) {
  const View directory = directory_name(path);
  Path aside(directory);
  aside << "/." << base_name(path) << "." << static_cast<unsigned>(getpid());
  if (aside.truncated() || !make_directories(directory)) return false;
  const Path target(path);
  bool done = false;
  {
    const File file(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
    done = file.ok() && write_all(file.fd(), content);
  }
  if (done && rename(aside.c_str(), target.c_str()) == 0) return true;
  unlink(aside.c_str());
  return false;
}

bool append_file(View path, View content, size_t limit) {
  const Path target(path);
  if (target.truncated() || !make_directories(directory_name(path))) return false;
  const File file(target.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0644);
  struct stat facts;
  if (!file.ok() || fstat(file.fd(), &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
  if (static_cast<size_t>(facts.st_size) > limit && ftruncate(file.fd(), 0) != 0) return false;
  return write_all(file.fd(), content);
}

Directory::Directory(const char* path) : fd_(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

Directory::~Directory() {
  if (fd_ >= 0) close(fd_);
}

bool Directory::next() {
  for (;;) {
    if (position_ >= filled_) {
      if (fd_ < 0) return false;
      filled_ = syscall(SYS_getdents64, fd_, entries_, sizeof entries_);
      position_ = 0;
      if (filled_ <= 0) return false;
    }
    const char* entry = entries_ + position_;
    uint16_t length = 0;
    memcpy(&length, entry + offsetof(DirectoryEntry, length), sizeof length);
    position_ += length;
    name_ = entry + offsetof(DirectoryEntry, name);
    if (!(View(name_) == ".") && !(View(name_) == "..")) return true;
  }
}

bool ipv4_address(const char* interface, Text& out) {
  const View name(interface);
  ifreq request{};
  if (name.size >= sizeof request.ifr_name) return false;
  memcpy(request.ifr_name, name.data, name.size);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool found = ioctl(fd, SIOCGIFADDR, &request) == 0;
  close(fd);
  if (!found) return false;
  sockaddr_in address{};
  memcpy(&address, &request.ifr_addr, sizeof address);
  const unsigned number = ntohl(address.sin_addr.s_addr);
  out.clear();
  for (unsigned shift = 32; shift > 0; shift -= 8) out << (number >> (shift - 8) & 0xFF) << (shift > 8 ? "." : "");
  return true;
}

long now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sleep_ms(long milliseconds) {
  const timespec span{milliseconds / 1000, milliseconds % 1000 * 1000000};
  nanosleep(&span, nullptr);
}

void utc_time(Text& out) {
  const time_t now = time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  out.clear();
  out.padded(static_cast<unsigned>(parts.tm_year + 1900), 4) << '-';
  out.padded(static_cast<unsigned>(parts.tm_mon + 1), 2) << '-';
  out.padded(static_cast<unsigned>(parts.tm_mday), 2) << 'T';
  out.padded(static_cast<unsigned>(parts.tm_hour), 2) << ':';
  out.padded(static_cast<unsigned>(parts.tm_min), 2) << ':';
  out.padded(static_cast<unsigned>(parts.tm_sec), 2) << 'Z';
}

}  // namespace firstboot
