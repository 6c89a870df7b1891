#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/packages/index.hpp"

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

/// Compares the relations of a package in an index with those in its header, both as parse_primary() reads them, and
/// returns the first difference: "only the index says that it obsoletes 'x'"; empty when there is none. An index may
/// lack some of the requirements: createrepo leaves out what the package itself has or provides, and all of libc.so.6
/// but the newest version (createrepo_c, src/parsehdr.c). It may also lack weak relations, which createrepo of EL7 does
/// not know.
std::string relation_difference(const Relations& index, const Relations& header);

}  // namespace bake::bundle
