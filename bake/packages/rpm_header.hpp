#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/archive/archive.hpp"
#include "bake/packages/index.hpp"
#include "bake/signature/openpgp.hpp"

namespace bake::bundle {

/// The tags of one rpm header (rpm's docs/manual/format.md), every offset and count checked.
class RpmHeader {
 public:
  /// Parses a header with its 16 bytes of intro. Throws Error{untrusted}; messages name `name`.
  RpmHeader(std::string_view bytes, const std::string& name);

  [[nodiscard]] std::string text(std::uint32_t tag) const;  ///< the (first) string, or empty
  [[nodiscard]] std::vector<std::string> texts(std::uint32_t tag) const;
  [[nodiscard]] std::vector<std::uint64_t> numbers(std::uint32_t tag) const;
  [[nodiscard]] std::string bytes(std::uint32_t tag) const;
  [[nodiscard]] bool has(std::uint32_t tag) const { return entries_.contains(tag); }

 private:
  struct Entry {
    std::uint32_t type = 0;
    std::size_t offset = 0;
    std::size_t count = 0;
  };
  std::map<std::uint32_t, Entry> entries_;
  std::string data_;
};

/// What an .rpm says about itself, and whether its signature is valid.
struct RpmFacts {
  IndexedPackage package;  ///< the caller fills in `file`
  std::string
      metadata;  ///< its <package> element for primary.xml; primary_element() fills in @pkgid@, @location@ and @size@
  signature::SignatureResult signature;
  /// The trusted signature covers the payload too: directly, or by a payload digest in the signed header. A good
  /// signature always does.
  bool payload_signed = false;
};

/// Reads an .rpm as a stream to its end. Checks header signatures (tags RSA, DSA) and header-and-payload signatures
/// (PGP, GPG) against `ring`; refuses a signature that leaves the payload uncovered. Throws Error{untrusted} when
/// `package` is not an rpm.
RpmFacts read_rpm(const archive::ByteSource& package, const signature::KeyRing& ring, const std::string& name);

/// The part of an .rpm in front of its payload.
struct RpmFront {
  std::string bytes;           ///< as they are in the file
  IndexedPackage package;      ///< without `file`
  std::string payload_sha256;  ///< of the (compressed) payload, as the header states it; may be empty
};

/// Reads the part of an .rpm in front of its payload; what `package` gives next is the payload. Checks no signature.
/// Throws as read_rpm().
RpmFront read_rpm_front(const archive::ByteSource& package, const std::string& name);

/// Reads past the headers of an .rpm: what `package` gives next is its (compressed cpio) payload. Throws as read_rpm().
void skip_rpm_headers(const archive::ByteSource& package, const std::string& name);

/// Returns the <package> element of a primary.xml: all relations and files from the package's own header. `file` has
/// the SHA-256.
std::string primary_element(const RpmFacts& package, const IndexedFile& file);
/// Returns the text of a primary.xml of `count` elements.
std::string primary_of_elements(std::string_view elements, std::size_t count);
/// Returns the text of a primary.xml for packages without an index.
std::string primary_of(const std::vector<RpmFacts>& packages);

}  // namespace bake::bundle
