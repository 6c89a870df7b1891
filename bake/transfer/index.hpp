#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bake::transfer {

/// The first entry of an archive of `bake export`: a DSSE envelope around the index.
inline constexpr const char* index_name = "carry.json";
inline constexpr const char* index_type = "application/vnd.bake.carry+json";

/// One file of the archive.
struct IndexedFile {
  std::string path;
  std::uint64_t size = 0;
  std::string sha256;
};

/// The content of an archive of `bake export`, in the order of the entries. Paths:
///   store/bundles/<id>/…  store/extras/<id>/…  store/keyring/<file>   as in a store
///   recipes/<name>.yaml   their bases are ../bases/<file>
///   bases/<file>          disks
///   matrix/<n>/<file>     overlays, in the order of the --matrix options
struct Index {
  std::string bake;  ///< version of bake that wrote the archive
  std::string time;  ///< ISO 8601
  std::vector<std::string> recipes;
  std::vector<std::string> bundles;   ///< names
  std::vector<std::string> extras;    ///< names
  std::vector<std::string> overlays;  ///< "matrix/1", …
  std::vector<IndexedFile> files;     ///< sorted by path
};

/// Returns the index as JSON text. Deterministic.
std::string to_text(const Index& index);

/// Reads what to_text() returned. Throws Error{untrusted} when `text` is not an index, or when a path is not allowed,
/// occurs twice or is not in order: even a signed index must not make bake write elsewhere. `name` is for messages.
Index parse_index(const std::string& text, const std::string& name);

}  // namespace bake::transfer
