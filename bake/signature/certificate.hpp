#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bake::signature {

/// An X.509 certificate that vouches for kernel modules.
struct Certificate {
  std::string der;
  std::string subject;         ///< "CN=site modules", as RFC 2253 writes it
  std::string name;            ///< the common name of the subject, or an empty text
  std::string issuer;          ///< like `subject`
  std::string serial;          ///< lower-case hexadecimal
  std::string key_id;          ///< the subject key identifier, lower-case hexadecimal; empty: it has none
  std::string sha256;          ///< of `der`, lower-case hexadecimal
  unsigned bits = 0;           ///< of its RSA key
  std::int64_t not_after = 0;  ///< the end of its validity, seconds since 1970
  /// How a kernel before 4.3 calls its key: x509_fabricate_name (torvalds/linux@v3.7,
  /// crypto/asymmetric_keys/x509_cert_parser.c).
  std::string legacy_name;

  friend bool operator==(const Certificate&, const Certificate&) = default;
};

/// Reads one certificate in PEM or DER. Throws Error{config} that calls it `name` if it is neither, if it is a key, or
/// if its key is not RSA of 2048 to 4096 bits, the keys that the kernels of all supported releases load.
Certificate read_certificate(std::string_view bytes, const std::string& name);

/// Returns the certificate in PEM.
std::string pem_of(const Certificate& certificate);

/// A key that signs kernel modules, with its certificate.
struct ModuleKey {
  std::string private_pem;  ///< PKCS#8, without a pass phrase
  Certificate certificate;
};

/// Returns a new RSA key of `bits` bits and a certificate of it, signed by itself: CA:FALSE, digitalSignature,
/// codeSigning and the purpose 1.3.6.1.4.1.2312.16.1.2, with which shim accepts the certificate for modules only
/// (rhboot/shim, Cryptlib/OpenSSL and replacements.c; Ubuntu's kmodsign keys have it too). The subject is the common
/// name alone, because kernels of EL7 find a key by its name. It is valid for `days` days from `now` on (seconds since
/// 1970).
ModuleKey new_module_key(const std::string& common_name, unsigned bits, unsigned days, std::int64_t now);

}  // namespace bake::signature
