#pragma once

#include "firstboot/text.hpp"

// Calls to the kernel. Only system calls of Linux 3.10.
namespace firstboot {

using Path = Buffer<512>;

/// Returns `name` below the directory of --root ("" on a real VM).
inline Path below(View root, View name) {
  Path path(root);
  path << name;
  return path;
}

/// Reads up to `capacity` bytes of a file into `buffer`. Empty: the file cannot be read. Never blocks on a FIFO.
View read_file(const char* path, char* buffer, size_t capacity);

/// Reads the first line of a small file (a sysfs attribute) without surrounding space. False: it cannot be read.
bool read_line(const char* path, Text& out);

bool exists(const char* path);

/// Reads the last part of a symbolic link's target: the driver of a PCI function. False: the path is not a link.
bool link_name(const char* path, Text& out);
/// Reads the whole target of a symbolic link.
bool link_target(const char* path, Text& out);

/// Creates a directory and its parents with mode 0755. False: one of them cannot be created.
bool make_directories(View path);

/// Replaces a file atomically: a reader sees the old or the new content, never a part. Creates its directory.
bool replace_file(View path, View content);

/// Appends to a regular file. Creates the file and its directory, and empties the file first when it is larger than
/// `limit` bytes. False: the path is a symbolic link or not a regular file, or it cannot be written.
bool append_file(View path, View content, size_t limit);

/// Writes all bytes to a descriptor. False: an error.
bool write_all(int fd, View content);

/// The names in a directory, without "." and "..". An unreadable directory is empty.
class Directory {
 public:
  explicit Directory(const char* path);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// Moves to the next name. False: there is none.
  bool next();
  /// The current name; valid until the next call of next().
  [[nodiscard]] const char* name() const { return name_; }

 private:
  int fd_;
  long filled_ = 0;
  long position_ = 0;
  const char* name_ = "";
  alignas(8) char entries_[4096];
};

/// Gives the primary IPv4 address of a network interface of this machine. False: it has none, or there is no such
/// interface.
bool ipv4_address(const char* interface, Text& out);

/// Milliseconds of a monotonic clock.
long now_ms();
void sleep_ms(long milliseconds);
/// Gives the time as "2024-05-01T10:20:30Z".
void utc_time(Text& out);

}  // namespace firstboot
