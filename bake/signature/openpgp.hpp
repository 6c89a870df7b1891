#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bake::signature {

/// A key somebody decided to trust.
struct PublicKey {
  std::string fingerprint;  ///< of the primary key, 40 upper-case hexadecimal digits
  std::string user_id;
};

/// The keys that may vouch for bundles: the user's choice, never what a bundle brings along.
class KeyRing {
 public:
  KeyRing();
  ~KeyRing();
  KeyRing(KeyRing&&) noexcept;
  KeyRing& operator=(KeyRing&&) noexcept;

  /// Adds every public key in `content`, armoured or binary, one or several. Throws Error{config} when there is none;
  /// `name` stands in the message.
  void add(std::string_view content, const std::string& name);
  /// As add(), for a file. Throws also what reading it throws.
  void add_file(const std::filesystem::path& file);

  [[nodiscard]] bool empty() const;
  [[nodiscard]] std::vector<PublicKey> keys() const;

 private:
  friend class SignatureCheck;
  struct State;
  std::unique_ptr<State> state_;
};

enum class SignatureState {
  good,         ///< made by a key of the ring over exactly these bytes
  bad,          ///< claims a key of the ring, does not fit the bytes
  unknown_key,  ///< no key of the ring made it
  unreadable,   ///< no OpenPGP signature, or one of a kind that is not supported
  absent,
};

std::string_view name_of(SignatureState state);

struct SignatureResult {
  SignatureState state = SignatureState::absent;
  std::string fingerprint;  ///< of the signer's primary key when good or bad
  std::string user_id;      ///< of the same key
  std::string key_id;       ///< that the signature names, 16 upper-case digits
  std::string algorithms;   ///< "RSA/SHA256", "DSA/SHA1"
  std::vector<std::string>
      weak;  ///< what is weak in it: "DSA/SHA1", "RSA of 1024 bits", "key expired before it signed"
};

/// Checks one detached signature (RFC 4880; armoured or binary) while the signed bytes stream past. Of several
/// signatures in one file the best counts. Revocations are not looked at: take a revoked key out of the ring.
class SignatureCheck {
 public:
  SignatureCheck(const KeyRing& ring, std::string_view signature);
  ~SignatureCheck();
  SignatureCheck(SignatureCheck&&) noexcept;
  SignatureCheck& operator=(SignatureCheck&&) noexcept;

  void update(std::span<const std::byte> data);
  void update(std::string_view data);
  [[nodiscard]] SignatureResult finish() const;

 private:
  struct Candidate;
  [[nodiscard]] int verify_eddsa(const Candidate& candidate) const;

  const KeyRing* ring_;
  std::vector<std::unique_ptr<Candidate>> candidates_;
};

/// Checks `signature` over `data`.
SignatureResult check_signature(const KeyRing& ring, std::string_view signature, std::string_view data);

}  // namespace bake::signature
