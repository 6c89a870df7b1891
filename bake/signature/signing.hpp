#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bake::signature {

/// A fresh Ed25519 key pair (RFC 8032) as PEM text: PKCS#8 private, SubjectPublicKeyInfo public; `openssl pkey` reads
/// both.
struct KeyPair {
  std::string private_pem;
  std::string public_pem;
};
KeyPair new_key_pair();

/// The 64-byte signature of `message`, in lower-case hexadecimal. Throws Error{usage} when `private_pem` is no Ed25519
/// private key.
std::string sign(std::string_view message, std::string_view private_pem);

/// The same signature as 64 bytes, for formats that encode it themselves. Throws as sign.
std::string sign_raw(std::string_view message, std::string_view private_pem);

/// Whether `signature_hex` is the signature of `message` by the holder of `public_pem`. Throws Error{usage} when
/// `public_pem` is no Ed25519 public key; a malformed signature is just wrong.
bool verify_signature(std::string_view message, std::string_view signature_hex, std::string_view public_pem);

/// As verify_signature, for the 64 bytes of a signature.
bool verify_signature_bytes(std::string_view message, std::string_view signature, std::string_view public_pem);

/// What people compare: sha256 of the public key's DER form, lower-case hexadecimal. Throws as verify_signature.
std::string key_fingerprint(std::string_view public_pem);

/// The public half of a private key. Throws as sign.
std::string public_half(std::string_view private_pem);

}  // namespace bake::signature
