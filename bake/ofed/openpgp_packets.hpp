#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bake::ofed {

/// One OpenPGP packet (RFC 4880, 4.2).
struct PgpPacket {
  int tag = 0;
  std::string body;
  std::string whole;  ///< with its header
};

inline constexpr int pgp_signature = 2;
inline constexpr int pgp_public_key = 6;

/// The packets of `content`, which may be armoured (several blocks too) or binary. Stops at the first that is damaged.
/// Unlike libsolv it accepts what tools of today write: CRLF line ends and armour without a checksum (RFC 9580).
std::vector<PgpPacket> parse_packets(std::string_view content);

/// What a signature packet says of itself.
struct SignatureFacts {
  int public_key_algorithm = 0;
  int hash_algorithm = 0;
};

/// Nothing unless `body` is a version 3 or 4 signature over a document whose every length is in bounds: libsolv, which
/// does the arithmetic, trusts the lengths inside subpackets.
std::optional<SignatureFacts> inspect_signature(std::string_view body);

}  // namespace bake::ofed
