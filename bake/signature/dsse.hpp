#pragma once

#include <string>
#include <string_view>

namespace bake::signature {

/// Returns a document and its Ed25519 signature as one JSON document: a DSSE envelope, protocol v1
/// (github.com/secure-systems-lab/dsse). It names the key by its key_fingerprint(). With an empty
/// `private_pem` the envelope has no signature. Throws like sign().
std::string make_envelope(std::string_view payload, std::string_view payload_type, std::string_view private_pem);

/// The content of an envelope, not verified.
struct Envelope {
  std::string payload;
  std::string payload_type;
  std::string text;  ///< the envelope itself
};

/// Reads an envelope. Throws Error{untrusted} when `text` is not an envelope; messages name `name`.
Envelope read_envelope(const std::string& text, const std::string& name);

/// Throws Error{untrusted} unless the owner of `public_pem` signed the envelope. Throws Error{usage} when `public_pem`
/// is not an Ed25519 public key.
void require_signed(const Envelope& envelope, std::string_view public_pem, const std::string& name);

}  // namespace bake::signature
