#include "bake/guest/memory.hpp"

#include <algorithm>
#include <deque>
#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/guest/labels.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

/// Same limit as Linux: more links than this in one path are a loop.
constexpr int link_limit = 40;

[[noreturn]] void fail(std::string_view doing, std::string_view path, std::string_view reason) {
  throw Error(ErrorKind::failed, fmt::format("{} '{}' in the guest: {}", doing, path, reason));
}

}  // namespace

MemoryGuest::MemoryGuest() { nodes_["/"] = {FileType::directory, 0755, 0, 0, {}}; }

std::optional<std::string> MemoryGuest::resolve(const std::string& path, bool follow_last) const {
  require_guest_path(path);
  const auto pieces = path_components(path);
  std::deque<std::string> rest(pieces.begin(), pieces.end());
  std::string here = "/";
  int links = 0;
  while (!rest.empty()) {
    const auto directory = nodes_.find(here);
    if (directory == nodes_.end() || directory->second.type != FileType::directory) return std::nullopt;
    const auto name = std::move(rest.front());
    rest.pop_front();
    if (name == "..") {
      here = parent_of(here);
      continue;
    }
    auto next = join_path(here, name);
    const auto node = nodes_.find(next);
    const bool link = node != nodes_.end() && node->second.type == FileType::symlink;
    if (!link || (rest.empty() && !follow_last)) {
      here = std::move(next);
      continue;
    }
    if (++links > link_limit) return std::nullopt;
    const auto& target = node->second.content;
    if (target.starts_with('/')) here = "/";
    const auto target_pieces = path_components(target);
    rest.insert(rest.begin(), target_pieces.begin(), target_pieces.end());
  }
  return here;
}

const MemoryGuest::Node* MemoryGuest::find(const std::string& path, bool follow_last) const {
  const auto canonical = resolve(path, follow_last);
  if (!canonical) return nullptr;
  const auto node = nodes_.find(*canonical);
  return node == nodes_.end() ? nullptr : &node->second;
}

std::string MemoryGuest::resolve_for_writing(const std::string& path, bool follow_last, std::string_view doing) const {
  const auto canonical = resolve(path, follow_last);
  if (!canonical) fail(doing, path, "No such file or directory");
  for (const auto& [mount_point, made] : mounts_)
    if (is_below(*canonical, mount_point)) fail(doing, path, "Read-only file system");
  return *canonical;
}

// ---- setting up

MemoryGuest& MemoryGuest::with_file(const std::string& path, std::string_view content, unsigned mode) {
  write(path, content, mode);
  set_mode(path, mode);
  return *this;
}

MemoryGuest& MemoryGuest::with_directory(const std::string& path, unsigned mode) {
  make_directories(path);
  set_mode(path, mode);
  return *this;
}

MemoryGuest& MemoryGuest::with_link(const std::string& path, const std::string& target) {
  make_directories(parent_of(path));
  make_link(target, path);
  return *this;
}

MemoryGuest& MemoryGuest::with_names(const std::string& path, std::uint64_t links) {
  nodes_.at(resolve_for_writing(path, true, "linking")).links = links;
  return *this;
}

MemoryGuest& MemoryGuest::with_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid) {
  auto& node = nodes_.at(resolve_for_writing(path, true, "changing owner of"));
  node.uid = uid;
  node.gid = gid;
  return *this;
}

MemoryGuest& MemoryGuest::with_capability(const std::string& path, const std::string& value) {
  nodes_.at(resolve_for_writing(path, true, "setting the capabilities of")).capability = value;
  return *this;
}

MemoryGuest& MemoryGuest::with_label(const std::string& path, const std::string& label) {
  nodes_.at(resolve_for_writing(path, false, "setting the label of")).label = label;
  return *this;
}

MemoryGuest& MemoryGuest::without_capabilities() {
  knows_capabilities_ = false;
  return *this;
}

MemoryGuest& MemoryGuest::with_answer(const std::string& script, ShellResult result) {
  answers_[script] = std::move(result);
  return *this;
}

MemoryGuest& MemoryGuest::with_handler(ShellHandler handler) {
  handlers_.push_back(std::move(handler));
  return *this;
}

MemoryGuest& MemoryGuest::with_payload(std::map<std::string, std::string> files) {
  payloads_.push_back(std::move(files));
  return *this;
}

MemoryGuest& MemoryGuest::with_free_bytes(std::uint64_t bytes) {
  free_bytes_ = bytes;
  return *this;
}

std::vector<std::string> MemoryGuest::paths() const {
  std::vector<std::string> found;
  for (const auto& [path, node] : nodes_) {
    bool on_payload = false;
    for (const auto& [mount_point, made] : mounts_) on_payload = on_payload || is_below(path, mount_point);
    if (!on_payload) found.push_back(path);
  }
  return found;
}

std::vector<std::string> MemoryGuest::mounted() const {
  std::vector<std::string> found;
  for (const auto& [mount_point, made] : mounts_) found.push_back(mount_point);
  return found;
}

// ---- Guest

bool MemoryGuest::exists(const std::string& path) { return find(path, true) != nullptr; }

std::optional<FileStat> MemoryGuest::stat(const std::string& path) { return stat_of(find(path, false)); }

std::optional<FileStat> MemoryGuest::target_stat(const std::string& path) { return stat_of(find(path, true)); }

std::optional<FileStat> MemoryGuest::stat_of(const Node* node) {
  if (node == nullptr) return std::nullopt;
  const auto size = node->type == FileType::directory ? 0 : node->content.size();
  const unsigned mode = node->type == FileType::symlink ? 0777 : node->mode;
  return FileStat{node->type, mode, size, node->uid, node->gid, node->links};
}

std::optional<std::string> MemoryGuest::read_link(const std::string& path) {
  const auto* node = find(path, false);
  if (node == nullptr || node->type != FileType::symlink) return std::nullopt;
  return node->content;
}

std::vector<std::string> MemoryGuest::list(const std::string& directory) {
  const auto canonical = resolve(directory, true);
  std::vector<std::string> names;
  if (!canonical) return names;
  const auto prefix = join_path(*canonical, "");
  for (auto it = nodes_.upper_bound(prefix); it != nodes_.end() && it->first.starts_with(prefix); ++it)
    if (it->first.find('/', prefix.size()) == std::string::npos) names.push_back(it->first.substr(prefix.size()));
  return names;
}

std::optional<std::string> MemoryGuest::read(const std::string& path, std::size_t limit) {
  const auto* node = find(path, true);
  if (node == nullptr || node->type != FileType::regular) return std::nullopt;
  require_readable_size(path, node->content.size(), limit);
  return node->content;
}

void MemoryGuest::make_directories_for(const std::string& path, unsigned mode, std::string_view doing) {
  require_guest_path(path);
  std::string here = "/";
  for (const auto& name : path_components(path)) {
    here = join_path(here, name);
    const auto* present = find(here, false);
    if (present != nullptr && present->type == FileType::symlink && find(here, true) == nullptr)
      fail(doing, path, "a symbolic link in the path leads to a missing file");
    const bool there = present != nullptr;
    const auto canonical = there ? resolve(here, true).value_or("/") : resolve_for_writing(here, true, doing);
    const auto [node, made] = nodes_.try_emplace(canonical, Node{FileType::directory, mode, 0, 0, {}});
    if (!made && node->second.type != FileType::directory) fail(doing, path, "Not a directory");
  }
}

void MemoryGuest::write(const std::string& path, std::string_view content, unsigned mode) {
  make_directories_for(parent_of(path), 0755, "writing");
  const auto canonical = resolve_for_writing(path, true, "writing");
  const auto [node, made] = nodes_.try_emplace(canonical, Node{FileType::regular, mode & 07777U, 0, 0, {}});
  if (node->second.type != FileType::regular) fail("writing", path, "not a regular file");
  node->second.content = content;
  node->second.capability.clear();
}

void MemoryGuest::upload(const std::filesystem::path& from, const std::string& path, unsigned mode) {
  write(path, read_text(from, std::size_t{256} << 20U), mode);
}

void MemoryGuest::make_directories(const std::string& path, unsigned mode) {
  make_directories_for(path, mode & 07777U, "making directory");
}

void MemoryGuest::make_link(const std::string& target, const std::string& path) {
  const auto canonical = resolve_for_writing(path, false, "making link");
  const auto node = nodes_.find(canonical);
  if (node != nodes_.end() && node->second.type == FileType::directory) fail("making link", path, "Is a directory");
  nodes_[canonical] = {FileType::symlink, 0777, 0, 0, target};
}

void MemoryGuest::set_mode(const std::string& path, unsigned mode) {
  const auto canonical = resolve_for_writing(path, true, "changing mode of");
  const auto node = nodes_.find(canonical);
  if (node == nodes_.end()) fail("changing mode of", path, "No such file or directory");
  node->second.mode = mode & 07777U;
}

void MemoryGuest::remove(const std::string& path) {
  if (!stat(path)) return;
  const auto canonical = resolve_for_writing(path, false, "removing");
  for (const auto& [mount_point, made] : mounts_)
    if (is_below(mount_point, canonical)) fail("removing", path, "Device or resource busy");
  if (canonical == "/") fail("removing", path, "it is the root directory");
  std::erase_if(nodes_, [&](const auto& entry) { return is_below(entry.first, canonical); });
}

ShellResult MemoryGuest::shell(const std::string& script) {
  scripts_.push_back(script);
  for (const auto& handler : handlers_)
    if (auto result = handler(script)) return *result;
  if (const auto answer = answers_.find(script); answer != answers_.end()) return answer->second;
  return {127, "MemoryGuest: no answer for this script\n"};
}

std::map<std::string, std::string> MemoryGuest::fingerprints(const std::vector<std::string>& files,
                                                             const std::vector<std::string>& trees) {
  std::map<std::string, std::string> states;
  for (const auto& [path, node] : nodes_) {
    const bool asked = std::find(files.begin(), files.end(), path) != files.end() ||
                       std::any_of(trees.begin(), trees.end(), [&](const auto& tree) { return is_below(path, tree); });
    if (!asked || !is_stored(path) || node.type == FileType::directory) continue;
    states[path] = state_of(node);
  }
  return states;
}

std::string MemoryGuest::state_of(const Node& node) {
  if (node.type == FileType::symlink) return "link " + node.content;
  if (node.type != FileType::regular) return "other";
  return fmt::format("{:04o} {}:{} {}", node.mode, node.uid, node.gid, digest_of(node.content));
}

PrivilegedFiles MemoryGuest::privileged_files() {
  PrivilegedFiles found;
  if (knows_capabilities_) found.capabilities.emplace();
  for (const auto& [path, node] : nodes_) {
    if (node.type != FileType::regular || !is_stored(path)) continue;
    if ((node.mode & 06000U) != 0) found.setuid[path] = state_of(node);
    if (knows_capabilities_ && !node.capability.empty() && (node.mode & 0111U) != 0)
      (*found.capabilities)[path] = state_of(node) + " " + node.capability;
  }
  return found;
}

std::string MemoryGuest::tree_digest() {
  std::string text;
  for (const auto& [path, node] : nodes_) {
    if (!is_stored(path)) continue;
    const auto size = node.type == FileType::regular ? std::to_string(node.content.size()) : "";
    const auto target = node.type == FileType::symlink ? node.content : "";
    text += fmt::format("{} {:o} {}:{} {} {}//{}\n", static_cast<int>(node.type), node.mode, node.uid, node.gid, size,
                        path, target);
  }
  return digest_of(text);
}

std::optional<std::vector<std::string>> MemoryGuest::files_without_label() {
  if (!knows_capabilities_) return std::nullopt;
  std::vector<std::string> found;
  for (const auto& [path, node] : nodes_)
    if (is_stored(path) && !is_label(node.label) && found.size() <= without_label_limit) found.push_back(path);
  return found;
}

std::uint64_t MemoryGuest::free_bytes(const std::string& path) {
  require_guest_path(path);
  return free_bytes_;
}

void MemoryGuest::mount_payload(std::size_t index, const std::string& mount_point) {
  if (index >= payloads_.size()) fail("mounting payload on", mount_point, "no such payload is attached");
  const bool made = !exists(mount_point);
  if (made) make_directories(mount_point);
  const auto canonical = resolve_for_writing(mount_point, true, "mounting payload on");
  if (nodes_.at(canonical).type != FileType::directory || !list(canonical).empty())
    fail("mounting payload on", mount_point, "not an empty directory");
  for (const auto& [name, content] : payloads_[index]) with_file(join_path(canonical, name), content);
  mounts_[canonical] = made;
}

void MemoryGuest::unmount_payload(const std::string& mount_point) {
  const auto canonical = resolve(mount_point, true);
  const auto mount = canonical ? mounts_.find(*canonical) : mounts_.end();
  if (mount == mounts_.end()) fail("unmounting payload from", mount_point, "not mounted");
  const bool made = mount->second;
  mounts_.erase(mount);
  const auto prefix = join_path(*canonical, "");
  std::erase_if(nodes_, [&](const auto& entry) { return entry.first.starts_with(prefix); });
  if (made) nodes_.erase(*canonical);
}

}  // namespace bake::guest
