#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bake/signature/module_signature.hpp"
#include "matrix/rows.hpp"

namespace bake::plan {

/// `secure_boot` of a recipe with what its certificates contain, and what the matrix says about the kernel.
struct ModuleTrust {
  std::vector<signature::Certificate> certificates;  ///< the first one belongs to the key that signs
  bool signs = false;                                ///< there is such a key
  std::optional<matrix::SecureBootRow> kernel = {};  ///< nothing: the matrix does not know this kernel
};

/// Modules of a plan that the same key signed.
struct SignedGroup {
  std::string signer;                ///< the name in the signatures; empty: they have none
  std::vector<std::string> modules;  ///< names; empty: not known before the installation
  std::string from;                  ///< "the bundle", "DKMS", "extra packages and customize"
  std::string bake;                  ///< what bake does with them: "signs", "keeps"

  friend bool operator==(const SignedGroup&, const SignedGroup&) = default;
};

/// A module that the bake signed.
struct SignedModule {
  std::string before;  ///< sha256 of the file before
  std::string after;   ///< and afterwards
  std::string signer;  ///< of the signature that was replaced, or empty

  friend bool operator==(const SignedModule&, const SignedModule&) = default;
};

/// How the modules of an image get signatures that its kernel accepts with Secure Boot.
struct SecureBoot {
  std::vector<signature::Certificate> certificates;  ///< what db of the firmware must contain
  bool signs = false;
  std::string hash;  ///< of the signatures: "sha256"
  signature::ModuleForm form = signature::ModuleForm::cms;
  std::string keyring;  ///< where the kernel puts certificates of db
  std::string source;   ///< that it accepts them
  std::vector<SignedGroup> groups;
  std::map<std::string, std::string> base_modules = {};  ///< path → state of those that the base had; not in JSON
  std::map<std::string, SignedModule> modules = {};      ///< path → what was done; empty in a plan

  friend bool operator==(const SecureBoot&, const SecureBoot&) = default;
};

/// The part of SecureBoot that a finished image is compared with.
struct SecureBootState {
  std::vector<signature::Certificate> certificates;
  std::string hash;
  signature::ModuleForm form = signature::ModuleForm::cms;
  std::map<std::string, std::string> modules = {};  ///< the signed ones: path → sha256 of the file

  friend bool operator==(const SecureBootState&, const SecureBootState&) = default;
};

SecureBootState expected_state(const SecureBoot& secure_boot);

/// For plans and manifests. The certificates are there in base64 on one line, as Azure wants them: a line break in it
/// makes VMs that do not boot (gardenlinux/gardenlinux#2287).
nlohmann::ordered_json to_json(const SecureBoot& secure_boot);
nlohmann::ordered_json to_json(const SecureBootState& state);
/// Reads the output of to_json(). Throws nlohmann::json::exception, or Error{config} for a wrong certificate.
SecureBootState secure_boot_state_from(const nlohmann::json& json);

/// Returns the lines of a plan for a person.
std::vector<std::string> to_lines(const SecureBoot& secure_boot);

}  // namespace bake::plan
