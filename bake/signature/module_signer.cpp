#include <algorithm>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/signature/module_signature.hpp"
#include "bake/signature/module_trailer.hpp"
#include "bake/signature/openssl.hpp"

namespace bake::signature {
namespace {

constexpr std::size_t max_key = 65536;

using StorePointer = std::unique_ptr<OSSL_STORE_CTX, Free<OSSL_STORE_close>>;
using StoreInfoPointer = std::unique_ptr<OSSL_STORE_INFO, Free<OSSL_STORE_INFO_free>>;

Error refusal(const std::string& key, const std::string& reason, std::string hint, std::vector<Remedy> remedies = {}) {
  return {ErrorKind::usage, fmt::format("reading key '{}': {}", key, reason), std::move(hint), std::move(remedies)};
}

/// Returns the URI without what may be secret in it: a PIN can be a part of it (RFC 7512, 2.4).
std::string shown(const std::string& uri) {
  const auto pin = uri.find("pin-value=");
  return pin == std::string::npos ? uri : uri.substr(0, pin) + "pin-value=…";
}

KeyPointer key_of_file(const std::string& file) {
  const auto pem = read_text(file, max_key);
  if (pem.find("ENCRYPTED") != std::string::npos)
    throw refusal(file, "it has a pass phrase, and bake asks for none",
                  "keep the key in a token and name it with pkcs11:…, or decrypt it: openssl pkey -in KEY -out NEW");
  static char nothing[] = "";
  KeyPointer key(PEM_read_bio_PrivateKey(reading(pem).get(), nullptr, nullptr, nothing));
  ERR_clear_error();
  if (!key)
    throw refusal(file, "it is not a private key in PEM", "make a key with its certificate",
                  {{Remedy::Action::make_module_key}});
  return key;
}

/// A program cannot enter a PIN, so this one is not asked for.
KeyPointer key_of_uri(const std::string& uri) {
  const auto scheme = uri.substr(0, uri.find(':'));
  const auto name = shown(uri);
  const StorePointer store(OSSL_STORE_open(uri.c_str(), UI_null(), nullptr, nullptr, nullptr));
  if (!store) {
    const auto code = ERR_peek_last_error();
    const bool unknown = ERR_GET_LIB(code) == ERR_LIB_OSSL_STORE;
    const auto reason = last_openssl_error();
    if (unknown || reason == "unsupported")
      throw refusal(name, fmt::format("OpenSSL of this machine has no provider for '{}:'", scheme),
                    "install the provider (pkcs11-provider) and name it in openssl.cnf, or in the file that "
                    "OPENSSL_CONF names");
    throw refusal(name, reason, fmt::format("'openssl storeutl -noout \"{}\"' must show the key", name));
  }
  if (OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY) != 1) ERR_clear_error();
  while (OSSL_STORE_eof(store.get()) == 0) {
    const StoreInfoPointer info(OSSL_STORE_load(store.get()));
    if (!info) {
      if (OSSL_STORE_error(store.get()) != 0) break;
      continue;
    }
    if (OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY)
      return KeyPointer(OSSL_STORE_INFO_get1_PKEY(info.get()));
  }
  const auto reason = last_openssl_error();
  throw refusal(name, reason == "unknown reason" ? "there is no private key" : reason,
                "the PIN of a token is a part of the URI: pin-source=FILE (RFC 7512)");
}

std::string cms_of(std::string_view content, const X509Pointer& x509, EVP_PKEY* key, const EVP_MD* hash) {
  const CmsPointer cms(
      CMS_sign(nullptr, nullptr, nullptr, nullptr, CMS_NOCERTS | CMS_PARTIAL | CMS_BINARY | CMS_DETACHED | CMS_STREAM));
  const auto data = reading(content);
  // Without attributes, because the kernel refuses them, and with issuer and serial number, because kmod names the
  // signer only then.
  unsigned char* der = nullptr;
  int size = 0;
  if (!cms ||
      CMS_add1_signer(cms.get(), x509.get(), key, hash, CMS_NOCERTS | CMS_BINARY | CMS_NOSMIMECAP | CMS_NOATTR) ==
          nullptr ||
      CMS_final(cms.get(), data.get(), nullptr, CMS_NOCERTS | CMS_BINARY) != 1 ||
      (size = i2d_CMS_ContentInfo(cms.get(), &der)) <= 0)
    throw Error(ErrorKind::failed, "signing a module: OpenSSL refuses: " + last_openssl_error());
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

std::string rsa_signature_of(std::string_view content, EVP_PKEY* key, const EVP_MD* hash) {
  const DigestPointer context(EVP_MD_CTX_new());
  const auto* data = reinterpret_cast<const unsigned char*>(content.data());
  std::size_t size = 0;
  std::string bytes;
  const bool ready = EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, key) == 1 &&
                     EVP_DigestSign(context.get(), nullptr, &size, data, content.size()) == 1;
  if (ready) bytes.resize(size);
  if (!ready ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size, data, content.size()) != 1)
    throw Error(ErrorKind::failed, "signing a module: OpenSSL refuses: " + last_openssl_error());
  bytes.resize(size);
  return bytes;
}

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  return bytes;
}

}  // namespace

struct ModuleSigner::Key {
  KeyPointer key;
  X509Pointer x509;
};

bool is_key_uri(std::string_view key) {
  const auto colon = key.find(':');
  if (colon == std::string_view::npos || colon < 2) return false;
  return key.substr(0, colon).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.+-") == std::string_view::npos;
}

ModuleSigner::ModuleSigner(const std::string& key, Certificate certificate)
    : certificate_(std::move(certificate)), key_(std::make_unique<Key>()) {
  key_->key = is_key_uri(key) ? key_of_uri(key) : key_of_file(key);
  key_->x509 = x509_of(certificate_);
  const bool same = EVP_PKEY_eq(X509_get0_pubkey(key_->x509.get()), key_->key.get()) == 1;
  ERR_clear_error();
  if (!same)
    throw Error(
        ErrorKind::config,
        fmt::format("checking key '{}': the certificate '{}' belongs to another key", shown(key), certificate_.subject),
        "the first of 'certificates' must be the one of 'sign_with'");
}

ModuleSigner::~ModuleSigner() = default;
ModuleSigner::ModuleSigner(ModuleSigner&&) noexcept = default;
ModuleSigner& ModuleSigner::operator=(ModuleSigner&&) noexcept = default;

std::string ModuleSigner::sign(std::string_view module, std::string_view hash, ModuleForm form) const {
  const auto* digest = is_module_hash(hash) ? EVP_get_digestbyname(std::string(hash).c_str()) : nullptr;
  if (digest == nullptr)
    throw Error(ErrorKind::config, fmt::format("signing a module: bake does not know the hash '{}'", hash));
  const auto content = without_signature(module);
  std::string signed_module(content);
  trailer::Info info;
  if (form == ModuleForm::cms) {
    const auto cms = cms_of(content, key_->x509, key_->key.get(), digest);
    info.signature_size = static_cast<std::uint32_t>(cms.size());
    signed_module += cms;
  } else {
    if (certificate_.key_id.empty() || certificate_.legacy_name.empty())
      throw Error(ErrorKind::config,
                  fmt::format("signing a module: the certificate '{}' has no {}, by which this kernel finds a key",
                              certificate_.subject, certificate_.key_id.empty() ? "subject key identifier" : "name"),
                  "make a key with its certificate", {{Remedy::Action::make_module_key}});
    const auto rsa = rsa_signature_of(content, key_->key.get(), digest);
    const auto key_id = bytes_of_hex(certificate_.key_id);
    const auto& name = certificate_.legacy_name;
    const auto* number = std::find_if(trailer::hashes.begin(), trailer::hashes.end(),
                                      [&](const auto& each) { return each.name == hash; });
    constexpr std::size_t length_size = 2;
    info = {trailer::algorithm_rsa,
            number->legacy,
            trailer::id_x509,
            static_cast<std::uint8_t>(name.size()),
            static_cast<std::uint8_t>(key_id.size()),
            static_cast<std::uint32_t>(rsa.size() + length_size)};
    signed_module += name + key_id + static_cast<char>(rsa.size() >> 8U) + static_cast<char>(rsa.size() & 0xffU) + rsa;
  }
  signed_module += trailer::write_info(info);
  signed_module += trailer::magic;
  const auto check = check_module(signed_module, {certificate_});
  if (check.state != ModuleState::good)
    throw Error(ErrorKind::failed, fmt::format("signing a module with '{}': {}", certificate_.subject, check.reason),
                "the provider of the key does not make PKCS#1 signatures");
  return signed_module;
}

}  // namespace bake::signature
