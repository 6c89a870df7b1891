#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/signature/certificate.hpp"

namespace bake::signature {

/// The form of a signature at the end of a kernel module.
enum class ModuleForm {
  cms,     ///< CMS without signed attributes, kernels from 4.3 on (torvalds/linux, scripts/sign-file.c)
  legacy,  ///< names of the key and a bare RSA signature, kernels before 4.3 (EL7: kernel/module_signing.c)
};
std::string_view name_of(ModuleForm form);
/// Returns the form of this name; nothing for another word.
std::optional<ModuleForm> module_form_from(std::string_view name);

/// A signature at the end of a kernel module. Its views are into the bytes of the module.
struct ModuleSignature {
  ModuleForm form = ModuleForm::cms;
  std::string_view content;  ///< the bytes that it covers
  std::string_view bytes;    ///< CMS in DER, or the RSA signature
  std::string signer;        ///< cms: the issuer's common name; legacy: the name of the key
  std::string key_id;        ///< lower-case hexadecimal; cms: serial number or key identifier; legacy: key identifier
  std::string hash;          ///< "sha256"; empty: not one that bake knows
};

/// Returns the signature of an unpacked module; nothing if it has none. Throws Error{untrusted} for a damaged one.
std::optional<ModuleSignature> find_signature(std::string_view module);

/// Returns the module without its signature, if it has one. Throws like find_signature().
std::string_view without_signature(std::string_view module);

/// Returns whether bake signs with this hash: "sha1", "sha224", "sha256", "sha384", "sha512", as a kernel's
/// CONFIG_MODULE_SIG_HASH names it.
bool is_module_hash(std::string_view hash);

enum class ModuleState {
  good,         ///< one of the certificates signed exactly these bytes
  unsigned_,    ///< it has no signature
  unknown_key,  ///< none of the certificates signed it
  bad,          ///< it names one of the certificates and does not match, or the kernel refuses its form
};

/// The result of check_module().
struct ModuleCheck {
  ModuleState state = ModuleState::unsigned_;
  std::size_t certificate = 0;  ///< which one, if it is good
  std::string signer;           ///< as ModuleSignature has it
  std::string hash;
  ModuleForm form = ModuleForm::cms;
  std::string reason;  ///< for a person, if it is not good
};

/// Checks the signature of an unpacked module as a kernel does that trusts `certificates`: it refuses signed attributes
/// (crypto/asymmetric_keys/pkcs7_verify.c) and several signers. Certificates inside the signature do not count. Never
/// throws for `module`.
ModuleCheck check_module(std::string_view module, const std::vector<Certificate>& certificates);

/// A private key that signs modules. The key stays in this process, or in the token that a provider of OpenSSL speaks
/// to.
class ModuleSigner {
 public:
  /// `key` is a file in PEM, or a URI that a provider of OpenSSL reads ("pkcs11:token=site;object=modules",
  /// "file:/etc/site.key"); openssl.cnf names the providers. Throws Error{usage} if it cannot be read or has a pass
  /// phrase, and Error{config} if it is not the key of `certificate`.
  ModuleSigner(const std::string& key, Certificate certificate);
  ~ModuleSigner();
  ModuleSigner(ModuleSigner&&) noexcept;
  ModuleSigner& operator=(ModuleSigner&&) noexcept;

  [[nodiscard]] const Certificate& certificate() const { return certificate_; }
  /// Returns `module`, which is not compressed, with a new signature instead of the present one. Throws Error{config}
  /// for a certificate without a subject key identifier with ModuleForm::legacy, Error{failed} if the key does not
  /// sign, and Error{untrusted} for a damaged signature in `module`.
  [[nodiscard]] std::string sign(std::string_view module, std::string_view hash, ModuleForm form) const;

 private:
  struct Key;
  Certificate certificate_;
  std::unique_ptr<Key> key_;
};

/// Returns whether `key` of a recipe is a URI for a provider and not the name of a file.
bool is_key_uri(std::string_view key);

}  // namespace bake::signature
