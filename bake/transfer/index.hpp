#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bake::transfer {

/// The first entry of a carried archive: a DSSE envelope around the index.
inline constexpr const char* index_name = "carry.json";
inline constexpr const char* index_type = "application/vnd.bake.carry+json";

/// One file of the archive.
struct CarriedFile {
  std::string path;
  std::uint64_t size = 0;
  std::string sha256;
};

/// What a carried archive holds, in the order in which it lies in it. Paths:
///   store/bundles/<id>/…  store/extras/<id>/…  store/keyring/<file>   as they lie in a store
///   recipes/<name>.yaml   their bases are ../bases/<file>
///   bases/<file>          disks
///   matrix/<n>/<file>     overlays, in the order in which they were given
struct Index {
  std::string bake;  ///< version that wrote it
  std::string time;  ///< ISO 8601
  std::vector<std::string> recipes;
  std::vector<std::string> bundles;   ///< names
  std::vector<std::string> extras;    ///< names
  std::vector<std::string> overlays;  ///< "matrix/1", …
  std::vector<CarriedFile> files;     ///< sorted by path
};

/// Deterministic.
std::string to_text(const Index& index);

/// Throws Error{untrusted} for what is no index, and for paths other than those above, twice or unsorted: a file is
/// written nowhere else whoever signed for it. `name` stands in messages.
Index parse_index(const std::string& text, const std::string& name);

}  // namespace bake::transfer
