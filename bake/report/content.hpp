#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bake/report/document.hpp"

namespace bake::report {

/// The fields of an entry, in the order in which they are shown. An entry with one value has the field "value".
using Fields = std::vector<std::pair<std::string, std::string>>;

/// One thing that a document says: a name and its fields.
struct Entry {
  std::string name;
  Fields fields;

  friend bool operator==(const Entry&, const Entry&) = default;
};

/// One part of what a document says about an image. Which names a list has is a matter of the image; which names
/// another part has is a matter of the kind of document.
struct Content {
  std::string part;  ///< "base", "packages", …
  bool list = false;
  std::size_t significant = 0;  ///< fields that count, from the first one; 0: all
  std::string missing;          ///< why the document has nothing about this part; empty: it has
  std::vector<Entry> entries;
};

/// Which packages a document knows.
enum class PackageScope { all, changed };

/// The packages of a document.
struct Packages {
  PackageScope scope = PackageScope::all;
  std::vector<Entry> installed;      ///< fields: version, arch, from (empty: not known)
  std::vector<std::string> removed;  ///< names; only with PackageScope::changed
};

/// Returns the packages of a document: of a disk, or of a manifest with the key `packages`, all of them; otherwise
/// those that the bake changes.
Packages packages_of(const Document& document);

/// Returns only those that the bake changes, also when the document knows all; nothing for a disk.
std::optional<Packages> changed_packages_of(const Document& document);

/// Returns the parts of a document besides its packages, in the order in which they are shown. Every document has the
/// same parts.
std::vector<Content> contents_of(const Document& document);

}  // namespace bake::report
