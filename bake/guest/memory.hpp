#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::guest {

/// The fake Guest for tests: a tree in memory. tests/contract runs the same suite on it and on the real appliance.
///
/// Scripts do not run. The answer comes from the first handler that accepts the script, then from the answers for its
/// exact text; otherwise the status is 127. MemoryGuest records every script.
class MemoryGuest final : public Guest {
 public:
  /// Answers a script, or returns nothing to reject it. May change the guest, which it captures.
  using ShellHandler = std::function<std::optional<ShellResult>(const std::string& script)>;

  /// An empty root directory.
  MemoryGuest();

  // Methods that set up a test. All return *this, so that calls can be chained.
  MemoryGuest& with_file(const std::string& path, std::string_view content = {}, unsigned mode = 0644);
  MemoryGuest& with_directory(const std::string& path, unsigned mode = 0755);
  MemoryGuest& with_link(const std::string& path, const std::string& target);
  /// The file at `path` has `links` names (hard links); the fake has only this one.
  MemoryGuest& with_names(const std::string& path, std::uint64_t links);
  MemoryGuest& with_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid);
  /// Gives a file the value of security.capability: "0x0100…". It is lost when the file is written, as on Linux.
  MemoryGuest& with_capability(const std::string& path, const std::string& value);
  /// Gives a file or directory an SELinux label. It is lost when the file is replaced, and kept when it is written.
  MemoryGuest& with_label(const std::string& path, const std::string& label);
  /// Capabilities and labels cannot be read, as without getfattr(1).
  MemoryGuest& without_capabilities();
  MemoryGuest& with_answer(const std::string& script, ShellResult result);
  MemoryGuest& with_handler(ShellHandler handler);
  /// Attaches the next payload: relative path → content.
  MemoryGuest& with_payload(std::map<std::string, std::string> files);
  MemoryGuest& with_free_bytes(std::uint64_t bytes);

  // Methods that show the result of a test.
  [[nodiscard]] const std::vector<std::string>& scripts() const { return scripts_; }
  /// Returns every path of the tree, sorted, without payload mounts: shows that no other files are left.
  [[nodiscard]] std::vector<std::string> paths() const;
  /// Returns the mount points of mounted payloads.
  [[nodiscard]] std::vector<std::string> mounted() const;

  bool exists(const std::string& path) override;
  std::optional<FileStat> stat(const std::string& path) override;
  std::optional<FileStat> target_stat(const std::string& path) override;
  std::optional<std::string> read_link(const std::string& path) override;
  std::vector<std::string> list(const std::string& directory) override;
  std::optional<std::string> read(const std::string& path, std::size_t limit = text_limit) override;
  void write(const std::string& path, std::string_view content, unsigned mode = 0644) override;
  void upload(const std::filesystem::path& from, const std::string& path, unsigned mode) override;
  void make_directories(const std::string& path, unsigned mode = 0755) override;
  void make_link(const std::string& target, const std::string& path) override;
  void set_mode(const std::string& path, unsigned mode) override;
  void remove(const std::string& path) override;
  ShellResult shell(const std::string& script) override;
  std::map<std::string, std::string> fingerprints(const std::vector<std::string>& files,
                                                  const std::vector<std::string>& trees) override;
  PrivilegedFiles privileged_files() override;
  std::string tree_digest() override;
  std::optional<std::vector<std::string>> files_without_label() override;
  std::uint64_t free_bytes(const std::string& path) override;
  void mount_payload(std::size_t index, const std::string& mount_point) override;
  void unmount_payload(const std::string& mount_point) override;

 private:
  struct Node {
    FileType type = FileType::regular;
    unsigned mode = 0644;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string content;          ///< of a file; the target of a link
    std::string capability = {};  ///< of a file
    std::string label = {};       ///< of SELinux
    std::uint64_t links = 1;      ///< names of the file
  };

  /// Returns the canonical path of `path`, with links resolved (the final one only with `follow_last`); the last
  /// component may be missing. Empty when a parent directory is missing or not a directory, or when links form a loop.
  [[nodiscard]] std::optional<std::string> resolve(const std::string& path, bool follow_last) const;
  [[nodiscard]] static std::optional<FileStat> stat_of(const Node* node);
  [[nodiscard]] static std::string state_of(const Node& node);
  [[nodiscard]] const Node* find(const std::string& path, bool follow_last) const;
  /// Like resolve(), but throws for a missing parent directory and for a path on a payload.
  [[nodiscard]] std::string resolve_for_writing(const std::string& path, bool follow_last,
                                                std::string_view doing) const;
  void make_directories_for(const std::string& path, unsigned mode, std::string_view doing);

  std::map<std::string, Node> nodes_;  ///< canonical path → node
  std::map<std::string, ShellResult> answers_;
  std::vector<ShellHandler> handlers_;
  std::vector<std::string> scripts_;
  std::vector<std::map<std::string, std::string>> payloads_;
  std::map<std::string, bool> mounts_;  ///< mount point → mount_payload created it
  bool knows_capabilities_ = true;
  std::uint64_t free_bytes_ = std::uint64_t{16} << 30U;
};

}  // namespace bake::guest
