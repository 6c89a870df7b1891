#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "bake/base/file.hpp"

namespace bake::job {

/// What bake found out about a file, kept on this machine until the file changes. A file is taken for unchanged while
/// its path, size, times and inode are the same (as in git's index) and the program is the same. The directory belongs
/// to the user, so it is not used when another user may write to it. Nothing is kept about files of other users, files
/// that others may write to, and files on tmpfs or network file systems. A cache never makes a command fail.
class Cache {
 public:
  /// `directory` empty: nothing is kept or found.
  explicit Cache(std::filesystem::path directory = {}) : directory_(std::move(directory)) {}

  /// Returns what was kept about `file` under `kind`; empty when there is nothing, or the file changed.
  [[nodiscard]] std::optional<std::string> find(const std::string& kind, const std::filesystem::path& file) const;

  /// Returns the identity of `file` for keep(). Call it before the content is read. If the file changed just now, waits
  /// for up to 50 ms: another change in the same tick of the kernel's clock would leave its times as they are. Empty if
  /// the file does not exist, or changed in the last two seconds on a file system that counts whole seconds.
  [[nodiscard]] static std::optional<FileIdentity> settled_identity_of(const std::filesystem::path& file);

  /// Keeps `content` about `file`, unless the file is not as `before` any more, which comes from settled_identity_of().
  /// Keeps the 64 newest entries.
  void keep(const std::string& kind, const std::filesystem::path& file, const std::optional<FileIdentity>& before,
            std::string_view content) const;

  /// Returns the text that keep_note() kept under `name`: a record of this program that is not about a file.
  [[nodiscard]] std::optional<std::string> note(const std::string& name) const;
  void keep_note(const std::string& name, std::string_view content) const;

 private:
  /// Writes a file of the directory, which it makes first if it is missing.
  void write(const std::filesystem::path& name, std::string_view content) const;

  std::filesystem::path directory_;
};

/// Returns the directory of the cache: $BAKE_CACHE (empty: no cache), else $XDG_CACHE_HOME/bake, else ~/.cache/bake;
/// empty when there is no home.
std::filesystem::path cache_directory();

}  // namespace bake::job
