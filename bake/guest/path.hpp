#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bake::guest {

/// The components of a guest path without empty ones and "."; ".." stays, because it may follow a symbolic link.
std::vector<std::string> path_components(std::string_view path);

/// True when the guest path `path` is `directory` or is below it. Both without a final slash, except "/".
bool is_below(std::string_view path, std::string_view directory);

/// False for paths below /proc, /sys, /dev and /run, which have no files on the disk, and for paths with "..".
bool is_stored(std::string_view path);

/// Directory part of an absolute guest path ("/" for "/x" and for "/") and its last component.
std::string parent_of(std::string_view path);
std::string base_name_of(std::string_view path);

/// `directory` and `name` with exactly one slash between them.
std::string join_path(std::string_view directory, std::string_view name);

/// Throws Error{failed} when the file at `path`, of `size` bytes, is larger than `limit` bytes.
void require_readable_size(std::string_view path, std::uint64_t size, std::size_t limit);

/// Throws Error{bug} unless `path` is absolute and free of NUL bytes: guest calls accept only these paths.
void require_guest_path(std::string_view path);

}  // namespace bake::guest
