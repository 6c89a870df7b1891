#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/digest.hpp"

namespace bake::bundle {

/// Digests that an index states for a file, lower-case hexadecimal.
using Digests = std::map<DigestAlgorithm, std::string>;

/// "SHA512", "SHA256", "SHA1", "MD5".
std::string_view name_of(DigestAlgorithm algorithm);
/// Returns true for MD5 and SHA1, which detect accidents but not attacks.
bool is_weak(DigestAlgorithm algorithm);

/// A file that an index vouches for.
struct IndexedFile {
  std::string file;  ///< relative to the index's directory, without "./"
  std::uint64_t size = 0;
  Digests digests;
};

/// The relations of an rpm by kind, each list sorted and without duplicates: "obsoletes" → "rdma-core < 41".
using Relations = std::map<std::string, std::vector<std::string>, std::less<>>;

/// A package that an index lists.
struct IndexedPackage {
  std::string name;
  std::string version;  ///< [epoch:]version[-release]
  std::string arch;
  std::uint64_t installed_size = 0;  ///< bytes
  IndexedFile file;
  Relations relations = {};  ///< of an rpm that parse_primary() read
};

/// Throws Error{untrusted} when an index lists more packages than any bundle has: memory follows their number.
void check_package_count(std::size_t count, std::string_view index);

/// `path` without "./" in front. Throws Error{untrusted} when it is not a plain relative path: indexes are hostile
/// input.
std::string plain_path(std::string_view path, std::string_view index);

}  // namespace bake::bundle
