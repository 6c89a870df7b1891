#include "bake/guest/path.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::guest {

std::vector<std::string> path_components(std::string_view path) {
  std::vector<std::string> components;
  for (auto& piece : split(path, '/'))
    if (!piece.empty() && piece != ".") components.push_back(std::move(piece));
  return components;
}

bool is_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string parent_of(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

bool is_stored(std::string_view path) {
  const auto components = path_components(path);
  if (components.empty()) return true;
  for (const auto* top : {"proc", "sys", "dev", "run"})
    if (components.front() == top) return false;
  return std::find(components.begin(), components.end(), "..") == components.end();
}

std::string base_name_of(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string joined(directory);
  if (joined.empty() || joined.back() != '/') joined += '/';
  return joined.append(name);
}

void require_readable_size(std::string_view path, std::uint64_t size, std::size_t limit) {
  if (size <= limit) return;
  throw Error(
      ErrorKind::failed,
      fmt::format("reading '{}' in the guest: it has {} bytes, more than the limit of {} bytes", path, size, limit),
      "no working system has such a large file there; look at it in the image");
}

void require_guest_path(std::string_view path) {
  if (path.starts_with('/') && path.find('\0') == std::string_view::npos) return;
  throw Error(ErrorKind::bug, fmt::format("using guest path '{}': not an absolute path", path));
}

}  // namespace bake::guest
