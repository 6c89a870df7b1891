#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/archive/archive.hpp"
#include "bake/bundle/index.hpp"
#include "bake/signature/openpgp.hpp"

namespace bake::bundle {

/// The tags of one rpm header (rpm's docs/manual/format.md), every offset and count checked.
class RpmHeader {
 public:
  /// Parses a header with its 16 bytes of intro. Throws Error{untrusted}; `name` stands in messages.
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

/// What an .rpm says and whether its signature holds.
struct RpmFacts {
  IndexedPackage package;  ///< file is left for the caller to fill
  std::string
      metadata;  ///< its <package> element for primary.xml, with @pkgid@, @location@ and @size@ still to be filled
  signature::SignatureResult signature;
  /// The payload is vouched for, by a payload digest in the signed header or by a signature over header and payload.
  /// Otherwise only rpm itself holds it, against the signed digests of the single files, when it installs.
  bool payload_signed = false;
};

/// Reads an .rpm as a stream to its end. Header signatures (tags RSA, DSA) and header-and-payload signatures (PGP, GPG)
/// are checked against `ring`. Throws Error{untrusted} when it is no rpm.
RpmFacts read_rpm(const archive::ByteSource& package, const signature::KeyRing& ring, const std::string& name);

/// Reads past the headers of an .rpm: what `package` gives next is its (compressed cpio) payload. Throws as read_rpm().
void skip_rpm_headers(const archive::ByteSource& package, const std::string& name);

/// Text of a primary.xml that lists packages which no index lists.
std::string primary_of(const std::vector<RpmFacts>& packages);

}  // namespace bake::bundle
