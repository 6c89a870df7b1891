#include "bake/signature/module_signature.hpp"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/signature/module_trailer.hpp"
#include "bake/signature/openssl.hpp"

namespace bake::signature {
namespace {

using trailer::hashes;
using trailer::Info;

[[noreturn]] void damaged(std::string_view reason) {
  throw Error(ErrorKind::untrusted, fmt::format("reading the signature of a module: {}", reason));
}

/// Returns the name of a hash that bake knows; empty for another number of OpenSSL.
std::string hash_name(int nid) {
  for (const auto& hash : hashes)
    if (EVP_MD_get_type(EVP_get_digestbyname(hash.name.data())) == nid) return std::string(hash.name);
  return {};
}

std::string hex_of(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

CmsPointer parse_cms(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* begin = at;
  CmsPointer cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  const bool whole = cms && static_cast<std::size_t>(at - begin) == der.size();
  return whole && OBJ_obj2nid(CMS_get0_type(cms.get())) == NID_pkcs7_signed ? std::move(cms) : nullptr;
}

/// Returns the only signer; null for another number of signers.
CMS_SignerInfo* only_signer(CMS_ContentInfo* cms) {
  auto* signers = CMS_get0_SignerInfos(cms);
  return sk_CMS_SignerInfo_num(signers) == 1 ? sk_CMS_SignerInfo_value(signers, 0) : nullptr;
}

std::string common_name_of(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  const auto* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<std::size_t>(ASN1_STRING_length(value))};
}

void read_cms(ModuleSignature& signature) {
  const auto cms = parse_cms(signature.bytes);
  if (!cms) damaged("it is not CMS");
  auto* signer = only_signer(cms.get());
  if (signer == nullptr) damaged("it does not have one signer");
  ASN1_OCTET_STRING* key_id = nullptr;
  X509_NAME* issuer = nullptr;
  ASN1_INTEGER* serial = nullptr;
  CMS_SignerInfo_get0_signer_id(signer, &key_id, &issuer, &serial);
  if (issuer != nullptr) signature.signer = common_name_of(issuer);
  const auto* id = key_id != nullptr ? key_id : serial;
  if (id != nullptr)
    signature.key_id = hex_of(
        {reinterpret_cast<const char*>(ASN1_STRING_get0_data(id)), static_cast<std::size_t>(ASN1_STRING_length(id))});
  X509_ALGOR* digest = nullptr;
  CMS_SignerInfo_get0_algs(signer, nullptr, nullptr, &digest, nullptr);
  const ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR_get0(&algorithm, nullptr, nullptr, digest);
  signature.hash = hash_name(OBJ_obj2nid(algorithm));
}

/// The length in front of the RSA signature belongs to the signature in Info.
void read_legacy(ModuleSignature& signature, const Info& info, std::string_view names) {
  constexpr std::size_t length_size = 2;
  signature.signer = names.substr(0, info.signer_size);
  signature.key_id = hex_of(names.substr(info.signer_size));
  if (signature.bytes.size() < length_size) damaged("its RSA signature is too short");
  const auto size = static_cast<std::size_t>(static_cast<unsigned char>(signature.bytes[0])) << 8U |
                    static_cast<unsigned char>(signature.bytes[1]);
  signature.bytes.remove_prefix(length_size);
  if (size != signature.bytes.size()) damaged("the length of its RSA signature is wrong");
  for (const auto& hash : hashes)
    if (hash.legacy == info.hash) signature.hash = hash.name;
}

/// Returns whether the certificate's key signed; `signature` has the legacy form.
bool is_signed_by(const ModuleSignature& signature, const Certificate& certificate) {
  const auto x509 = x509_of(certificate);
  const DigestPointer context(EVP_MD_CTX_new());
  const auto bytes = [](std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  const bool good = EVP_DigestVerifyInit(context.get(), nullptr, EVP_get_digestbyname(signature.hash.c_str()), nullptr,
                                         X509_get0_pubkey(x509.get())) == 1 &&
                    EVP_DigestVerify(context.get(), bytes(signature.bytes), signature.bytes.size(),
                                     bytes(signature.content), signature.content.size()) == 1;
  ERR_clear_error();
  return good;
}

void check_legacy(const ModuleSignature& signature, const std::vector<Certificate>& certificates, ModuleCheck& check) {
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    const auto& certificate = certificates[i];
    if (certificate.key_id.empty() || certificate.key_id != signature.key_id ||
        certificate.legacy_name != signature.signer)
      continue;
    check.certificate = i;
    check.state = is_signed_by(signature, certificate) ? ModuleState::good : ModuleState::bad;
    check.reason = check.state == ModuleState::good ? "" : "the signature does not match the module";
    return;
  }
}

void check_cms(const ModuleSignature& signature, const std::vector<Certificate>& certificates, ModuleCheck& check) {
  const auto cms = parse_cms(signature.bytes);
  auto* signer = only_signer(cms.get());
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    auto x509 = x509_of(certificates[i]);
    if (CMS_SignerInfo_cert_cmp(signer, x509.get()) != 0) continue;
    check.certificate = i;
    check.state = ModuleState::bad;
    if (CMS_signed_get_attr_count(signer) >= 0) {
      check.reason = "the signature has signed attributes, which the kernel refuses";
      return;
    }
    const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> stack(
        sk_X509_new_null(), [](STACK_OF(X509) * certs) { sk_X509_free(certs); });
    sk_X509_push(stack.get(), x509.get());
    const auto content = reading(signature.content);
    const bool good = CMS_verify(cms.get(), stack.get(), nullptr, content.get(), nullptr,
                                 CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY | CMS_NOINTERN) == 1;
    ERR_clear_error();
    check.state = good ? ModuleState::good : ModuleState::bad;
    check.reason = good ? "" : "the signature does not match the module";
    return;
  }
}

}  // namespace

std::string_view name_of(ModuleForm form) { return form == ModuleForm::cms ? "cms" : "legacy"; }

std::optional<ModuleForm> module_form_from(std::string_view name) {
  for (const auto form : {ModuleForm::cms, ModuleForm::legacy})
    if (name == name_of(form)) return form;
  return std::nullopt;
}

bool is_module_hash(std::string_view hash) {
  return std::any_of(hashes.begin(), hashes.end(), [&](const auto& known) { return known.name == hash; });
}

std::optional<ModuleSignature> find_signature(std::string_view module) {
  if (!module.ends_with(trailer::magic)) return std::nullopt;
  module.remove_suffix(trailer::magic.size());
  if (module.size() < trailer::info_size) damaged("it is truncated");
  const auto info = trailer::read_info(module.substr(module.size() - trailer::info_size));
  module.remove_suffix(trailer::info_size);
  const bool cms = info.id_type == trailer::id_cms;
  const std::size_t names = cms ? 0 : std::size_t{info.signer_size} + info.key_id_size;
  if (!cms && (info.id_type != trailer::id_x509 || info.algorithm != trailer::algorithm_rsa))
    damaged(fmt::format("it has the unknown type {}", info.id_type));
  if (info.signature_size == 0 || info.signature_size > module.size() || names > module.size() - info.signature_size)
    damaged("it is larger than the module");
  ModuleSignature signature;
  signature.form = cms ? ModuleForm::cms : ModuleForm::legacy;
  signature.bytes = module.substr(module.size() - info.signature_size);
  module.remove_suffix(info.signature_size);
  signature.content = module.substr(0, module.size() - names);
  if (cms)
    read_cms(signature);
  else
    read_legacy(signature, info, module.substr(signature.content.size()));
  return signature;
}

std::string_view without_signature(std::string_view module) {
  const auto signature = find_signature(module);
  return signature ? signature->content : module;
}

ModuleCheck check_module(std::string_view module, const std::vector<Certificate>& certificates) {
  ModuleCheck check;
  std::optional<ModuleSignature> signature;
  try {
    signature = find_signature(module);
  } catch (const Error& error) {
    check.state = ModuleState::bad;
    check.reason = error.message();
    return check;
  }
  if (!signature) {
    check.reason = "it has no signature";
    return check;
  }
  check.form = signature->form;
  check.signer = printable(signature->signer);
  check.hash = signature->hash;
  check.state = ModuleState::unknown_key;
  check.reason = fmt::format("another key signed it ({})", check.signer.empty() ? signature->key_id : check.signer);
  if (signature->form == ModuleForm::cms)
    check_cms(*signature, certificates, check);
  else
    check_legacy(*signature, certificates, check);
  return check;
}

}  // namespace bake::signature
