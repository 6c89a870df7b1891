#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bake/packages/index.hpp"

namespace bake::bundle {

/// Fields of one paragraph of a control file, names in lower case; continuation lines keep their line breaks.
using Paragraph = std::map<std::string, std::string, std::less<>>;

/// The paragraphs of a control file (deb822(5)). Tolerant: other lines than fields are skipped.
std::vector<Paragraph> parse_paragraphs(std::string_view text);

/// The packages of a Packages file. `name` is for messages. Throws Error{untrusted} when a paragraph lacks Package,
/// Version, Architecture, Filename, Size or every digest: such an index is not a proof.
std::vector<IndexedPackage> parse_packages(std::string_view text, std::string_view name);

/// A Release file: its fields about the repository, and the files it vouches for.
struct Release {
  std::string suite;  ///< OFED: the bundle's version
  std::string codename;
  std::string label;
  std::vector<IndexedFile> files;

  [[nodiscard]] const IndexedFile* find(std::string_view file) const;
};

/// Reads a Release file. Tolerates an error of the vendor's files: an entry for Release itself, written before it was
/// complete.
Release parse_release(std::string_view text, std::string_view name);

/// A paragraph of a Packages file made from a package's own control text: for packages that no index lists.
std::string packages_paragraph(std::string_view control, const IndexedFile& file);

}  // namespace bake::bundle
