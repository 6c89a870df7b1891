#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bake::signature {

/// A new Ed25519 key pair (RFC 8032) as PEM text: PKCS#8 private, SubjectPublicKeyInfo public; `openssl pkey` reads
/// both.
struct KeyPair {
  std::string private_pem;
  std::string public_pem;
};
KeyPair new_key_pair();

/// Returns the 64-byte signature of `message`, in lower-case hexadecimal. Throws Error{usage} when `private_pem` is not
/// an Ed25519 private key.
std::string sign(std::string_view message, std::string_view private_pem);

/// Returns the same signature as 64 bytes, for formats with another encoding. Throws like sign().
std::string sign_raw(std::string_view message, std::string_view private_pem);

/// Returns whether `signature_hex` is the signature of `message` by the holder of `public_pem`; false for a malformed
/// signature. Throws Error{usage} when `public_pem` is not an Ed25519 public key.
bool verify_signature(std::string_view message, std::string_view signature_hex, std::string_view public_pem);

/// Does the same for a signature of 64 bytes.
bool verify_signature_bytes(std::string_view message, std::string_view signature, std::string_view public_pem);

/// Returns the fingerprint that people compare: sha256 of the public key's DER form, lower-case hexadecimal. Throws
/// like verify_signature().
std::string key_fingerprint(std::string_view public_pem);

/// Returns the public half of a private key. Throws like sign().
std::string public_half(std::string_view private_pem);

}  // namespace bake::signature
