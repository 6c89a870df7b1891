// Keys that sign modules in tests. Making one takes a second, so all tests of a process share them.
#pragma once

#include <filesystem>
#include <string>

#include "bake/base/file.hpp"
#include "bake/signature/module_signature.hpp"

namespace bake::testing {

inline const signature::ModuleKey& site_key() {
  static const auto key = signature::new_module_key("Example site modules", 2048, 3650, 1'700'000'000);
  return key;
}

inline const signature::ModuleKey& vendor_key() {
  static const auto key = signature::new_module_key("Example vendor", 2048, 3650, 1'700'000'000);
  return key;
}

/// Returns what signs with the key.
inline signature::ModuleSigner signer_of(const signature::ModuleKey& key) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "key";
  write_text_atomically(file, key.private_pem, 0600);
  return {file.string(), key.certificate};
}

/// Returns `module` with a signature by the key.
inline std::string signed_by(const signature::ModuleKey& key, const std::string& module,
                             const std::string& hash = "sha256",
                             signature::ModuleForm form = signature::ModuleForm::cms) {
  return signer_of(key).sign(module, hash, form);
}

}  // namespace bake::testing
