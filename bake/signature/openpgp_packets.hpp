#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bake::signature {

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
  int type = 0;  ///< 0: over a document
  int public_key_algorithm = 0;
  int hash_algorithm = 0;
};

inline constexpr int pgp_eddsa = 22;

/// Nothing unless `body` is a version 3 or 4 signature whose every length is in bounds: libsolv, which does the
/// arithmetic, trusts the lengths inside subpackets.
std::optional<SignatureFacts> inspect_signature(std::string_view body);

/// What is digested behind the signed document (RFC 4880, 5.2.4). `body` has passed inspect_signature().
std::string signature_trailer(std::string_view body);

/// The 64 bytes of an Ed25519 signature, or nothing when the packet has not two numbers of at most 32 bytes.
std::optional<std::string> ed25519_signature(std::string_view body);

/// The 32 bytes of an Ed25519 key, from a public key packet's body behind the creation time; nothing for other keys.
std::optional<std::string> ed25519_key(std::string_view key_data);

}  // namespace bake::signature
