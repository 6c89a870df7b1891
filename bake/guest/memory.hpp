#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::guest {

/// The fake of Guest for tests: a tree in memory. tests/contract runs the same suite on it and on the real appliance.
///
/// Scripts do not run: the first handler that answers a script wins, then an answer registered for its exact text; a
/// script nobody answers ends with status 127. Every script is recorded.
class MemoryGuest final : public Guest {
 public:
  /// May change the guest (it gets it by capture); empty means "not mine".
  using ShellHandler = std::function<std::optional<ShellResult>(const std::string& script)>;

  /// An empty root directory.
  MemoryGuest();

  // Setting up a test. All return *this, so that a tree reads as a list.
  MemoryGuest& with_file(const std::string& path, std::string_view content = {}, unsigned mode = 0644);
  MemoryGuest& with_directory(const std::string& path, unsigned mode = 0755);
  MemoryGuest& with_link(const std::string& path, const std::string& target);
  MemoryGuest& with_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid);
  MemoryGuest& with_answer(const std::string& script, ShellResult result);
  MemoryGuest& with_handler(ShellHandler handler);
  /// Attaches the next payload: relative path → content.
  MemoryGuest& with_payload(std::map<std::string, std::string> files);
  MemoryGuest& with_free_bytes(std::uint64_t bytes);

  // Looking at what a test did.
  [[nodiscard]] const std::vector<std::string>& scripts() const { return scripts_; }
  /// Every path of the tree, sorted, payload mounts left out: for "nothing else was left behind".
  [[nodiscard]] std::vector<std::string> paths() const;
  /// Mount points of payloads that are mounted now.
  [[nodiscard]] std::vector<std::string> mounted() const;

  bool exists(const std::string& path) override;
  std::optional<FileStat> stat(const std::string& path) override;
  std::optional<std::string> read_link(const std::string& path) override;
  std::vector<std::string> list(const std::string& directory) override;
  std::optional<std::string> read(const std::string& path, std::size_t limit = std::size_t{64} << 20U) override;
  void write(const std::string& path, std::string_view content, unsigned mode = 0644) override;
  void upload(const std::filesystem::path& from, const std::string& path, unsigned mode) override;
  void make_directories(const std::string& path, unsigned mode = 0755) override;
  void make_link(const std::string& target, const std::string& path) override;
  void set_mode(const std::string& path, unsigned mode) override;
  void remove(const std::string& path) override;
  ShellResult shell(const std::string& script) override;
  std::uint64_t free_bytes(const std::string& path) override;
  void mount_payload(std::size_t index, const std::string& mount_point) override;
  void unmount_payload(const std::string& mount_point) override;

 private:
  struct Node {
    FileType type = FileType::regular;
    unsigned mode = 0644;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string content;  ///< of a file; the target of a link
  };

  /// The canonical path that `path` leads to: links followed, the final one too when `follow_last`; the last component
  /// need not exist. Empty when a directory on the way is missing, is no directory, or links go round in circles.
  [[nodiscard]] std::optional<std::string> resolve(const std::string& path, bool follow_last) const;
  [[nodiscard]] const Node* find(const std::string& path, bool follow_last) const;
  /// As resolve(), but a missing way throws, and so does a path on a payload.
  [[nodiscard]] std::string resolve_for_writing(const std::string& path, bool follow_last,
                                                std::string_view doing) const;
  void make_directories_for(const std::string& path, unsigned mode, std::string_view doing);

  std::map<std::string, Node> nodes_;  ///< canonical path → node
  std::map<std::string, ShellResult> answers_;
  std::vector<ShellHandler> handlers_;
  std::vector<std::string> scripts_;
  std::vector<std::map<std::string, std::string>> payloads_;
  std::map<std::string, bool> mounts_;  ///< mount point → mount_payload made it
  std::uint64_t free_bytes_ = std::uint64_t{16} << 30U;
};

}  // namespace bake::guest
