#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bake::signature {

/// A key that the user decided to trust.
struct PublicKey {
  std::string fingerprint;  ///< of the primary key, 40 upper-case hexadecimal digits
  std::string user_id;      ///< the first one that the key itself signed
  /// Fingerprints of the subkeys that may sign: the primary key bound them (0x18) and they signed back (0x19).
  std::vector<std::string> subkeys = {};
  bool revoked = false;
  std::vector<std::string> revoked_subkeys = {};  ///< fingerprints
};

/// The keys that vouch for bundles. The user chooses them; a bundle never adds one.
class KeyRing {
 public:
  /// `now` is the time at which keys and signatures are judged, in seconds since 1970; default: the system's clock.
  explicit KeyRing(std::optional<std::int64_t> now = {});
  ~KeyRing();
  KeyRing(KeyRing&&) noexcept;
  KeyRing& operator=(KeyRing&&) noexcept;

  /// Adds every public key in `content`, armoured or binary, one or several. Subkeys without a valid binding are left
  /// out. Throws Error{config} when `content` has no public key or has a secret one; the message names `name`.
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

/// In the order of preference when one file has several signatures.
enum class SignatureState {
  good,         ///< a key of the ring made it over exactly these bytes
  refused,      ///< a key of the ring made it, but the key or the date is not valid; `reason` says why
  bad,          ///< it names a key of the ring, but does not match the bytes
  unknown_key,  ///< no key of the ring made it
  unreadable,   ///< not an OpenPGP signature over a binary document
  absent,
};

std::string_view name_of(SignatureState state);

struct SignatureResult {
  SignatureState state = SignatureState::absent;
  std::string fingerprint;        ///< of the signer's primary key, when it is in the ring
  std::string user_id;            ///< of the same key
  std::string key_id;             ///< that the signature names, 16 upper-case digits
  std::string algorithms;         ///< "RSA/SHA256", "DSA/SHA1"
  std::vector<std::string> weak;  ///< what is weak in it: "DSA/SHA1", "RSA of 1024 bits"
  std::string reason;             ///< of a refusal: "key … is revoked"
};

/// Fills the buffer with the next signed bytes and returns their number; 0 at the end.
using SignedBytes = std::function<std::size_t(std::span<std::byte>)>;

/// Checks a detached signature (RFC 4880, versions 3 and 4, armoured or binary) over what `data` gives, and reads
/// `data` to its end. The best of several signatures counts. Throws what `data` throws.
SignatureResult check_signature(const KeyRing& ring, std::string_view signature, const SignedBytes& data);
/// As above, for bytes in memory.
SignatureResult check_signature(const KeyRing& ring, std::string_view signature, std::string_view data);

/// A text with its signature in one file, and the text that the signature covers.
struct SignedText {
  SignatureResult signature;
  std::string text;  ///< empty if `signature` is unreadable
};

/// Checks a text in the cleartext signature framework (RFC 4880, 7), as InRelease files use it. The signature must be
/// one over a text document. Text in front of the framework makes it unreadable. Never throws for `file`.
SignedText check_signed_text(const KeyRing& ring, std::string_view file);

}  // namespace bake::signature
