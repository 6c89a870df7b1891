#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/bundle/index.hpp"

namespace bake::bundle {

/// One file of an rpm repository's metadata, as repomd.xml lists it; `file.file` is relative to the repository.
struct MetadataFile {
  std::string type;  ///< "primary", "filelists", …
  IndexedFile file;
};

/// Reads repomd.xml. `name` is for messages. Throws Error{untrusted} when libsolv cannot read it.
std::vector<MetadataFile> parse_repomd(const std::string& text, std::string_view name);

/// The packages of an (uncompressed) primary.xml; files are relative to the repository. Throws Error{untrusted} when
/// libsolv cannot read it or a package lacks its location, size or digest.
std::vector<IndexedPackage> parse_primary(const std::string& text, std::string_view name);

}  // namespace bake::bundle
