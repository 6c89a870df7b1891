#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bake/archive/entry_policy.hpp"
#include "bake/base/progress.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/bundle/examine.hpp"
#include "bake/bundle/trust.hpp"
#include "bake/signature/openpgp.hpp"

namespace bake::store {

/// How Store::add() checks a bundle.
struct AddOptions {
  std::string pin;         ///< sha256 that the archive must have, or empty
  std::string pin_source;  ///< where the pin comes from: "command line", "recipe"
  /// Returns the digest that the matrix has for an archive of this file name; called when `pin` is empty.
  std::function<std::optional<std::string>(const std::string& file_name)> known_pin;
  /// Returns whether the matrix knows this digest under any file name; called when nothing else pins it.
  std::function<bool(const std::string& sha256)> known_digest;
  std::vector<std::filesystem::path> keyrings;  ///< in addition to the store's own
  bundle::TrustPolicy policy;
  archive::EntryLimits limits;
};

/// The result of Store::add().
struct AddResult {
  bundle::Bundle bundle;
  bool already_there = false;         ///< its content was in the store before
  std::vector<std::string> warnings;  ///< also given to Progress::warn
  bool trust_updated = false;         ///< it was in the store, and its recorded trust is stronger now
};

/// The result of a verification, which does not change the store.
struct Verification {
  bundle::Bundle bundle;
  bundle::Report report;
  bundle::TrustDecision decision;
  std::optional<Problem> payload_problem;  ///< of a stored bundle: its payload has changed
  /// It is in the store, which does not keep its archive: the digest of the archive and its pin are only recorded.
  bool stored = false;
};

/// A key of the store's ring, and the file that has it.
struct TrustedKey {
  signature::PublicKey key;
  std::filesystem::path file;
};

/// The store of bundles and extra packages: <dir>/bundles/<archive sha256>/{bundle.json,payload.iso,index/…},
/// <dir>/extras/<id>/…, <dir>/keyring/*. Each arrives by one rename of a complete, synced directory, so a reader
/// sees a whole bundle or none. One process changes the store at a time (lock file); reading needs no lock.
class Store {
 public:
  explicit Store(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// Verifies `archive`, which may be a directory with an unpacked bundle, and adds it to the store. Throws
  /// Error{untrusted} when it is hostile or nothing vouches for it, {config} when bake cannot use it as a bundle,
  /// {usage} when the file does not exist; the store is unchanged then. A bundle that is in the store already is read
  /// and judged again, as verify() does, but by these options alone; a new pin or signer is recorded, and the recorded
  /// ones stay.
  AddResult add(const std::filesystem::path& archive, const AddOptions& options, Progress& progress);
  /// Checks everything that add() checks, without a change to the store. A refusal by the trust decision is in the
  /// result, not thrown.
  Verification verify_archive(const std::filesystem::path& archive, const AddOptions& options, Progress& progress);
  /// Reads a stored bundle again: checks the payload digest, every package against its index, and the signatures
  /// against the current key ring. Derives from the payload what the store keeps about the bundle and compares both;
  /// each part that differs is a problem. So is a recorded signer who did not sign now, and a check that was switched
  /// off when the bundle was added, unless `options` switch it off again.
  Verification verify(const bundle::Bundle& bundle, const AddOptions& options, Progress& progress);

  /// Derives a stored bundle from its payload again, for a bake, and compares it with what the store keeps, as verify()
  /// does; the checks that the record says were switched off stay off. Returns the trust that holds now; empty when the
  /// key ring lacks the key of the recorded signer, so that only the record vouches. Throws Error{untrusted}.
  [[nodiscard]] std::optional<bundle::Trust> judge_again(const bundle::Bundle& bundle, Progress& progress) const;

  /// Returns all bundles, oldest version first.
  [[nodiscard]] std::vector<bundle::Bundle> list() const;
  /// Returns the bundle of this version for this distribution and architecture; one that the vendor built is preferred
  /// to a rebuilt one.
  [[nodiscard]] std::optional<bundle::Bundle> find(const std::string& version, const std::string& distro,
                                                   const std::string& arch) const;
  /// Returns the bundle with this name, or with an id that begins with `name` (4 digits or more). Throws Error{usage}
  /// when there is none or more than one.
  [[nodiscard]] bundle::Bundle get(const std::string& name) const;
  /// Like get(), among bundles and extra packages.
  [[nodiscard]] std::variant<bundle::Bundle, bundle::Extras> get_any(const std::string& name) const;
  /// Removes the bundle or the extra packages that get_any() finds; returns its full name.
  std::string remove(const std::string& name);
  /// Returns the index of one of the bundle's repositories, for the solver. Throws Error{untrusted} when it is not the
  /// one that bundle.json names by its digest.
  [[nodiscard]] static bundle::IndexTexts index_texts(const bundle::Bundle& bundle,
                                                      const bundle::Repository& repository);

  /// Adds every .rpm (or every .deb) of a directory as extra packages called `name`, for `distro`, or for every release
  /// if it is empty. Signatures are checked only if `keyrings` are given: then every rpm must have the signature of a
  /// key of these or of the store's own ring. Throws Error{untrusted} when one has not, {usage} for debs with
  /// `keyrings`, because debs have no signature, and for packages that `distro` cannot install.
  bundle::Extras add_extras(const std::filesystem::path& packages, const std::string& name, const std::string& distro,
                            Progress& progress, const std::vector<std::filesystem::path>& keyrings = {});
  /// Returns the extra packages that are for `distro` or for every release.
  [[nodiscard]] std::vector<bundle::Extras> extras(const std::string& distro) const;
  [[nodiscard]] std::vector<bundle::Extras> all_extras() const;
  [[nodiscard]] static bundle::IndexTexts index_texts(const bundle::Extras& extras);

  /// Adds the keys of a file to the store's key ring and returns them. Throws Error{untrusted} if the ring has a
  /// revocation of one of them that the file lacks.
  std::vector<signature::PublicKey> trust(const std::filesystem::path& key_file);
  /// Returns the keys of the store's ring, file by file.
  [[nodiscard]] std::vector<TrustedKey> trusted_keys() const;
  /// Removes from the ring the key whose fingerprint ends with `fingerprint` (8 digits or more), together with the keys
  /// of the same file; returns all keys that are no longer trusted. Bundles that were added with these keys stay.
  /// Throws Error{usage}, with the keys of the ring in its hint, when not exactly one key matches.
  std::vector<signature::PublicKey> withdraw(const std::string& fingerprint);
  /// Returns the store's key ring with the keys of the files `more` added.
  [[nodiscard]] signature::KeyRing key_ring(const std::vector<std::filesystem::path>& more = {}) const;

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  /// Returns why the store's directory cannot be read, for the end of a message: ": there is no such directory"; empty
  /// when it can.
  [[nodiscard]] std::string absence() const;

 private:
  AddResult add_again(bundle::Bundle bundle, const std::filesystem::path& archive, const std::string& pin,
                      const AddOptions& options, Progress& progress);

  std::filesystem::path directory_;
};

}  // namespace bake::store
