#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bake {

/// A fresh Ed25519 key pair (RFC 8032) as PEM text: PKCS#8 private, SubjectPublicKeyInfo public; `openssl pkey` reads
/// both.
struct KeyPair {
  std::string private_pem;
  std::string public_pem;
};
KeyPair new_key_pair();

/// The 64-byte signature of `message`, in lower-case hexadecimal. Throws Error{usage} when `private_pem` is not an
/// Ed25519 private key.
std::string sign(std::string_view message, std::string_view private_pem);

/// The same signature as 64 bytes, for formats that encode it themselves. Throws as sign.
std::string sign_raw(std::string_view message, std::string_view private_pem);

/// True when `signature_hex` is the signature of `message` by the owner of `public_pem`; false for a malformed
/// signature. Throws Error{usage} when `public_pem` is not an Ed25519 public key.
bool verify_signature(std::string_view message, std::string_view signature_hex, std::string_view public_pem);

/// As verify_signature, for the 64 bytes of a signature.
bool verify_signature_bytes(std::string_view message, std::string_view signature, std::string_view public_pem);

/// The fingerprint that people compare: SHA-256 of the public key's DER form, lower-case hexadecimal. Throws as
/// verify_signature.
std::string key_fingerprint(std::string_view public_pem);

/// The public half of a private key. Throws as sign.
std::string public_half(std::string_view private_pem);

/// Base64 with padding on one line (RFC 4648, section 4), and back; nothing when `text` is not base64.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace bake
