#include "bake/disk/output.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/disk/sidecar.hpp"

namespace bake {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void refuse(const fs::path& output, std::string_view reason, std::string hint = {}) {
  throw Error(ErrorKind::usage, fmt::format("writing '{}': {}", output.string(), reason), std::move(hint));
}

void refuse_existing(const fs::path& output) { refuse(output, "it exists", "--force replaces it"); }

void refuse_directory(const fs::path& output) {
  std::error_code not_there;
  if (fs::is_directory(output, not_there)) refuse(output, "it is a directory", "name a file inside it");
}

bool is_same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

/// Refuses a directory in which every user may replace the files of others: there a program that opens the output by
/// its name, such as qemu, could be led to another file.
void refuse_open_directory(const fs::path& output) {
  const auto parent = output.has_parent_path() ? output.parent_path() : fs::path(".");
  struct stat info {};
  if (::stat(parent.c_str(), &info) == 0 && (info.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH)
    refuse(output, "every user may replace files in its directory",
           "chmod o-w " + shell_quote(parent.string()) + ", or choose another directory");
}

/// Returns the mode of an output made from `inputs`. An image has password hashes and host keys: its owner reads it,
/// and its group when the group may read the base, which is the first input.
unsigned mode_for(const std::vector<fs::path>& inputs) {
  struct stat info {};
  const bool known = !inputs.empty() && ::stat(inputs.front().c_str(), &info) == 0;
  const bool group_reads = known && (info.st_mode & 0040U) != 0 && info.st_gid == ::getegid();
  return 0600U | (!known || group_reads || (info.st_mode & 0004U) != 0 ? 0040U : 0U);
}

/// rename(2) that fails with EEXIST and does not replace a file, if the file system supports this.
int rename_without_replacing(const fs::path& from, const fs::path& to) {
  const int result = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (result != 0 && errno == EINVAL && !fs::exists(to)) return ::rename(from.c_str(), to.c_str());
  return result;
}

}  // namespace

// The owner removes the file at the end, so a lock is valid only while the name still leads to the locked inode.
void OutputFile::Lock::take(const fs::path& output) {
  for (;;) {
    auto fd = open_file(file_, O_RDWR | O_CREAT | O_NOFOLLOW);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK)
        throw Error(ErrorKind::environment, fmt::format("writing '{}': another bake is writing it", output.string()),
                    "wait for it, or choose another output");
      throw Error(ErrorKind::environment,
                  fmt::format("locking '{}': {}", file_.string(), std::generic_category().message(errno)),
                  "write to a file system that supports file locks");
    }
    struct stat held {};
    struct stat named {};
    if (::fstat(fd.get(), &held) == 0 && ::stat(file_.c_str(), &named) == 0 && is_same_file(held, named)) {
      held_ = std::move(fd);
      return;
    }
  }
}

void OutputFile::Lock::release() noexcept {
  if (!held()) return;
  ::unlink(file_.c_str());
  held_.reset();
}

void require_vhd_name(const fs::path& output) {
  static const std::array<std::string, 9> others{".qcow2", ".qcow", ".vhdx", ".img", ".raw",
                                                 ".vmdk",  ".vdi",  ".iso",  ".ova"};
  const auto extension = to_lower(output.extension().string());
  if (std::find(others.begin(), others.end(), extension) == others.end()) return;
  throw Error(ErrorKind::usage,
              fmt::format("writing '{}': bake writes fixed VHDs, not {} files", output.string(), extension),
              fmt::format("write '{}'; qemu-img converts it to other formats",
                          fs::path(output).replace_extension(".vhd").string()));
}

OutputFile::OutputFile(fs::path final_path, bool force, const std::vector<fs::path>& inputs)
    : final_(std::move(final_path)),
      partial_(sidecar_of(final_, Sidecar::partial)),
      force_(force),
      lock_(sidecar_of(final_, Sidecar::lock)) {
  require_parent_directory(final_);
  refuse_open_directory(final_);
  refuse_directory(final_);
  std::error_code not_there;
  for (const auto& input : inputs) {
    for (const auto& own : {final_, partial_, sidecar_of(final_, Sidecar::lock)})
      if (fs::equivalent(input, own, not_there))
        refuse(final_, fmt::format("'{}' is an input", own.string()), "choose another output");
  }
  require_replaceable(final_, force_);
  lock_.take(final_);
  // Remove the stale file of a killed run first: if it is a link, its target must not be overwritten.
  if (::unlink(partial_.c_str()) != 0 && errno != ENOENT) throw_errno("removing", partial_, errno);
  file_ = open_file(partial_, O_RDWR | O_CREAT | O_EXCL, mode_for(inputs));
}

const fs::path& OutputFile::path() const {
  struct stat open {};
  struct stat named {};
  if (::fstat(file_.get(), &open) != 0 || ::lstat(partial_.c_str(), &named) != 0 || !is_same_file(open, named))
    throw Error(ErrorKind::failed, fmt::format("writing '{}': another program replaced it", partial_.string()),
                "write to a directory that only you can write to");
  return partial_;
}

OutputFile::~OutputFile() {
  if (lock_.held()) ::unlink(partial_.c_str());
}

void OutputFile::append_footer(const VhdFooter& footer) {
  const auto size = fs::file_size(path());
  if (size != footer.current_size)
    throw Error(ErrorKind::bug, fmt::format("appending a footer to '{}': {} bytes of data, but the footer says {}",
                                            partial_.string(), size, footer.current_size));
  write_at(file_, serialize(footer), size, partial_);
}

void OutputFile::sync() const { sync_path(path()); }

void OutputFile::publish() {
  sync();
  const int result = force_ ? ::rename(partial_.c_str(), final_.c_str()) : rename_without_replacing(partial_, final_);
  if (result != 0 && errno == EEXIST) refuse_existing(final_);
  if (result != 0) throw_errno("writing", final_, errno);
  lock_.release();
  sync_path(final_.has_parent_path() ? final_.parent_path() : fs::path("."));
}

void require_replaceable(const fs::path& output, bool force) {
  refuse_directory(output);
  std::error_code not_there;
  const auto status = fs::symlink_status(output, not_there);
  if (!fs::exists(status)) return;
  if (!force) refuse_existing(output);
  if (!fs::is_regular_file(status) && !fs::is_symlink(status))
    refuse(output, "it is not a regular file", "choose another output");
}

void require_parent_directory(const fs::path& output, std::string_view doing) {
  const auto parent = output.has_parent_path() ? output.parent_path() : fs::path(".");
  std::error_code error;
  const auto status = fs::status(parent, error);
  if (!fs::status_known(status)) throw_errno(doing, output, error.value());
  if (!fs::is_directory(status))
    throw Error(ErrorKind::usage,
                fmt::format("{} '{}': there is no directory '{}'", doing, output.string(), parent.string()),
                "make it first: mkdir -p " + shell_quote(parent.string()));
}

void require_free_name(const fs::path& output, bool force) {
  require_parent_directory(output);
  require_replaceable(output, force);
}

void require_free_space(const fs::path& path, std::uint64_t bytes, std::string_view what) {
  const auto free = free_bytes_at(path);
  if (free >= bytes) return;
  throw Error(ErrorKind::environment,
              fmt::format("checking the free space at '{}': {} needs {} ({} bytes), but {} ({} bytes) are free",
                          path.string(), what, human_size(bytes), bytes, human_size(free), free),
              "free some space or write to another file system");
}

}  // namespace bake
