#pragma once

#include "firstboot/text.hpp"

// The few things that the program asks of the kernel. Only system calls that Linux 3.10 has.
namespace firstboot {

using Path = Buffer<512>;

/// `name` below the root directory that --root gives ("" on a real VM).
inline Path below(View root, View name) {
  Path path(root);
  path << name;
  return path;
}

/// Reads at most `capacity` bytes of a file into `buffer`. Empty when the file cannot be read; never blocks on a FIFO.
View read_file(const char* path, char* buffer, size_t capacity);

/// First line of a small file (one sysfs attribute), trimmed. False when it cannot be read.
bool read_line(const char* path, Text& out);

bool exists(const char* path);

/// Last part of what a symbolic link points to: the driver of a PCI function. False when it is no link.
bool link_name(const char* path, Text& out);
/// The whole target of a symbolic link.
bool link_target(const char* path, Text& out);

/// Creates a directory and its parents with mode 0755.
bool make_directories(View path);

/// Replaces a file in one step: readers see the old or the new content, never a part. Creates its directory.
bool replace_file(View path, View content);

/// Appends to a regular file; creates it, its directory, and starts it anew when it has grown over `limit` bytes.
/// Refuses symbolic links and anything that is no regular file.
bool append_file(View path, View content, size_t limit);

bool write_all(int fd, View content);

/// The names in a directory, without "." and "..". An unreadable directory is empty.
class Directory {
 public:
  explicit Directory(const char* path);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  bool next();
  /// Valid until next().
  [[nodiscard]] const char* name() const { return name_; }

 private:
  int fd_;
  long filled_ = 0;
  long position_ = 0;
  const char* name_ = "";
  alignas(8) char entries_[4096];
};

/// Milliseconds of a clock that never goes back.
long now_ms();
void sleep_ms(long milliseconds);
/// "2024-05-01T10:20:30Z"
void utc_time(Text& out);

}  // namespace firstboot
