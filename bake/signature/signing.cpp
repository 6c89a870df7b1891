#include "bake/signature/signing.hpp"

#include <fmt/format.h>
#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <vector>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::signature {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr std::size_t signature_size = 64;

Bio memory_bio(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

Key checked(EVP_PKEY* key, std::string_view what, std::string_view pem, std::string_view other) {
  Key owned(key, &EVP_PKEY_free);
  if (!owned && pem.find(fmt::format("-----BEGIN {} KEY-----", other)) != std::string_view::npos)
    throw Error(ErrorKind::usage, fmt::format("reading a {} key: it is a {} key", what, to_lower(other)),
                "the private key is in NAME.key, the public key in NAME.pub");
  if (!owned || EVP_PKEY_id(owned.get()) != EVP_PKEY_ED25519)
    throw Error(ErrorKind::usage, fmt::format("reading a {} key: not an Ed25519 key in PEM form", what),
                "make a key pair", {{Remedy::Action::make_key}});
  return owned;
}

Key read_private(std::string_view pem) {
  const auto bio = memory_bio(pem);
  // Never ask for a pass phrase, because no person can enter one on a build server.
  static char nothing[] = "";
  return checked(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nothing), "private", pem, "PUBLIC");
}

Key read_public(std::string_view pem) {
  const auto bio = memory_bio(pem);
  return checked(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr), "public", pem, "PRIVATE");
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string public_pem_of(EVP_PKEY* key) {
  const Bio out(BIO_new(BIO_s_mem()), &BIO_free);
  if (PEM_write_bio_PUBKEY(out.get(), key) != 1) throw Error(ErrorKind::bug, "writing a public key: OpenSSL refuses");
  return contents(out.get());
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

bool is_valid(std::string_view message, std::string_view signature, const Key& key) {
  const Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  return signature.size() == signature_size &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// Returns the bytes of lower-case hexadecimal `text`; empty when `text` is not hexadecimal.
std::vector<unsigned char> from_hex(std::string_view text) {
  std::vector<unsigned char> bytes;
  if (text.size() % 2 != 0) return bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes.push_back(static_cast<unsigned char>(high * 16 + low));
  }
  return bytes;
}

}  // namespace

KeyPair new_key_pair() {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
  const Bio out(BIO_new(BIO_s_mem()), &BIO_free);
  if (!key || PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    throw Error(ErrorKind::environment, "making a key pair: the OpenSSL library has no Ed25519");
  return {contents(out.get()), public_pem_of(key.get())};
}

std::string sign_raw(std::string_view message, std::string_view private_pem) {
  const auto key = read_private(private_pem);
  const Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::string signature(signature_size, '\0');
  std::size_t length = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, bytes_of(message),
                     message.size()) != 1)
    throw Error(ErrorKind::bug, "signing: OpenSSL refuses");
  signature.resize(length);
  return signature;
}

std::string sign(std::string_view message, std::string_view private_pem) {
  std::string hex;
  for (const unsigned char byte : sign_raw(message, private_pem)) hex += fmt::format("{:02x}", byte);
  return hex;
}

bool verify_signature(std::string_view message, std::string_view signature_hex, std::string_view public_pem) {
  const auto signature = from_hex(signature_hex);
  return is_valid(message, {reinterpret_cast<const char*>(signature.data()), signature.size()},
                  read_public(public_pem));
}

bool verify_signature_bytes(std::string_view message, std::string_view signature, std::string_view public_pem) {
  return is_valid(message, signature, read_public(public_pem));
}

std::string key_fingerprint(std::string_view public_pem) {
  const auto key = read_public(public_pem);
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key.get(), &der);
  if (length <= 0) throw Error(ErrorKind::bug, "encoding a public key: OpenSSL refuses");
  const std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return digest_of(bytes);
}

std::string public_half(std::string_view private_pem) { return public_pem_of(read_private(private_pem).get()); }

}  // namespace bake::signature
