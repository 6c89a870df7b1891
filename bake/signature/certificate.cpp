#include "bake/signature/certificate.hpp"

#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/signature/openssl.hpp"

namespace bake::signature {
namespace {

constexpr int min_bits = 2048;
constexpr int max_bits = 4096;

std::string hex_of(const unsigned char* bytes, std::size_t size) {
  std::string hex;
  for (std::size_t i = 0; i < size; ++i) hex += fmt::format("{:02x}", bytes[i]);
  return hex;
}

std::string text_of(const X509_NAME* name) {
  const auto out = collecting();
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  return content_of(out.get());
}

/// Returns the first value of an entry of the name, as the certificate has it; empty if there is none.
std::string entry_of(const X509_NAME* name, int nid) {
  const int at = X509_NAME_get_index_by_NID(name, nid, -1);
  if (at < 0) return {};
  const auto* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<std::size_t>(ASN1_STRING_length(value))};
}

/// The kernel joins organization and common name, unless the common name begins with the organization, or both begin
/// with the same seven bytes.
std::string legacy_name_of(const X509_NAME* subject) {
  constexpr std::size_t significant = 7;
  const auto name = entry_of(subject, NID_commonName);
  const auto organization = entry_of(subject, NID_organizationName);
  if (name.empty()) return organization.empty() ? entry_of(subject, NID_pkcs9_emailAddress) : organization;
  const bool alike =
      name.starts_with(organization) || (name.size() >= significant && organization.size() >= significant &&
                                         name.compare(0, significant, organization, 0, significant) == 0);
  return alike ? name : organization + ": " + name;
}

std::string serial_of(const X509* certificate) {
  const std::unique_ptr<BIGNUM, Free<BN_free>> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  const std::unique_ptr<char, void (*)(char*)> hex(BN_bn2hex(number.get()), [](char* text) { OPENSSL_free(text); });
  return to_lower(hex.get());
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(timegm(&parts)) : 0;
}

std::string der_of(const X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) throw Error(ErrorKind::bug, "encoding a certificate: OpenSSL refuses");
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

Certificate description_of(X509* x509) {
  Certificate certificate;
  certificate.der = der_of(x509);
  certificate.sha256 = digest_of(certificate.der);
  const auto* subject = X509_get_subject_name(x509);
  certificate.subject = text_of(subject);
  certificate.name = entry_of(subject, NID_commonName);
  certificate.issuer = text_of(X509_get_issuer_name(x509));
  certificate.legacy_name = legacy_name_of(subject);
  certificate.serial = serial_of(x509);
  if (const auto* id = X509_get0_subject_key_id(x509))
    certificate.key_id = hex_of(ASN1_STRING_get0_data(id), static_cast<std::size_t>(ASN1_STRING_length(id)));
  certificate.bits = static_cast<unsigned>(EVP_PKEY_get_bits(X509_get0_pubkey(x509)));
  certificate.not_after = seconds_of(X509_get0_notAfter(x509));
  return certificate;
}

void add_extension(X509* certificate, X509V3_CTX& context, int nid, const char* value) {
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1)
    throw Error(ErrorKind::bug, fmt::format("making a certificate: OpenSSL refuses '{}'", value));
}

void set_random_serial(X509* certificate) {
  constexpr int serial_bits = 127;  // positive, and below the 20 bytes of RFC 5280, 4.1.2.2
  const std::unique_ptr<BIGNUM, Free<BN_free>> number(BN_new());
  if (!number || BN_rand(number.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr)
    throw Error(ErrorKind::environment, "making a certificate: OpenSSL has no random numbers");
}

}  // namespace

BioPointer reading(std::string_view bytes) {
  return BioPointer(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

BioPointer collecting() { return BioPointer(BIO_new(BIO_s_mem())); }

std::string content_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string last_openssl_error() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

X509Pointer x509_of(const Certificate& certificate) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(certificate.der.data());
  X509Pointer x509(d2i_X509(nullptr, &bytes, static_cast<long>(certificate.der.size())));
  if (!x509)
    throw Error(ErrorKind::bug, fmt::format("reading certificate '{}' again: it is damaged", certificate.name));
  return x509;
}

Certificate read_certificate(std::string_view bytes, const std::string& name) {
  const auto refuse = [&](const std::string& reason, std::string hint, std::vector<Remedy> remedies = {}) {
    return Error(ErrorKind::config, fmt::format("reading certificate '{}': {}", name, reason), std::move(hint),
                 std::move(remedies));
  };
  if (bytes.find("PRIVATE KEY-----") != std::string_view::npos)
    throw refuse("it has a private key", "name the certificate: NAME.pem or NAME.der");
  if (bytes.find("-----BEGIN CERTIFICATE-----") != bytes.rfind("-----BEGIN CERTIFICATE-----"))
    throw refuse("it has several certificates", "write one file for each");
  X509Pointer x509;
  if (bytes.find("-----BEGIN ") != std::string_view::npos) {
    x509.reset(PEM_read_bio_X509(reading(bytes).get(), nullptr, nullptr, nullptr));
  } else {
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    const auto* begin = at;
    x509.reset(d2i_X509(nullptr, &at, static_cast<long>(bytes.size())));
    if (x509 && static_cast<std::size_t>(at - begin) != bytes.size()) x509.reset();
  }
  ERR_clear_error();
  if (!x509)
    throw refuse("it is not an X.509 certificate in PEM or DER", "make a key with its certificate",
                 {{Remedy::Action::make_module_key}});
  const auto* key = X509_get0_pubkey(x509.get());
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < min_bits ||
      EVP_PKEY_get_bits(key) > max_bits)
    throw refuse(fmt::format("its key is not RSA of {} to {} bits", min_bits, max_bits),
                 "the kernels of some releases load no other keys");
  return description_of(x509.get());
}

std::string pem_of(const Certificate& certificate) {
  const auto out = collecting();
  if (PEM_write_bio_X509(out.get(), x509_of(certificate).get()) != 1)
    throw Error(ErrorKind::bug, "writing a certificate: OpenSSL refuses");
  return content_of(out.get());
}

ModuleKey new_module_key(const std::string& common_name, unsigned bits, unsigned days, std::int64_t now) {
  constexpr std::size_t max_common_name = 64;  // RFC 5280, ub-common-name
  if (common_name.empty() || common_name.size() > max_common_name)
    throw Error(ErrorKind::usage,
                fmt::format("making certificate '{}': the name must have 1 to {} bytes", common_name, max_common_name));
  if (bits < min_bits || bits > max_bits)
    throw Error(ErrorKind::usage, fmt::format("making a key for '{}': {} bits; kernels load RSA keys of {} to {} bits",
                                              common_name, bits, min_bits, max_bits));
  const KeyPointer key(EVP_RSA_gen(bits));
  const X509Pointer x509(X509_new());
  if (!key || !x509) throw Error(ErrorKind::environment, "making a key: OpenSSL refuses: " + last_openssl_error());
  constexpr std::int64_t day = 86400;
  X509_set_version(x509.get(), X509_VERSION_3);
  set_random_serial(x509.get());
  ASN1_TIME_set(X509_getm_notBefore(x509.get()), now);
  ASN1_TIME_set(X509_getm_notAfter(x509.get()), now + day * static_cast<std::int64_t>(days));
  auto* name = X509_get_subject_name(x509.get());
  if (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(common_name.data()),
                                 static_cast<int>(common_name.size()), -1, 0) != 1)
    throw Error(ErrorKind::usage, fmt::format("making certificate '{}': its name is not UTF-8", common_name));
  X509_set_issuer_name(x509.get(), name);
  X509_set_pubkey(x509.get(), key.get());
  X509V3_CTX context;
  X509V3_set_ctx(&context, x509.get(), x509.get(), nullptr, nullptr, 0);
  add_extension(x509.get(), context, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(x509.get(), context, NID_key_usage, "digitalSignature");
  add_extension(x509.get(), context, NID_ext_key_usage, "codeSigning,1.3.6.1.4.1.2312.16.1.2");
  add_extension(x509.get(), context, NID_subject_key_identifier, "hash");
  add_extension(x509.get(), context, NID_authority_key_identifier, "keyid:always");
  const auto out = collecting();
  if (X509_sign(x509.get(), key.get(), EVP_sha256()) <= 0 ||
      PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    throw Error(ErrorKind::bug, "making a certificate: OpenSSL refuses: " + last_openssl_error());
  return {content_of(out.get()), description_of(x509.get())};
}

}  // namespace bake::signature
