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

/// How a bundle is to be taken in.
struct AddOptions {
  std::string pin;         ///< sha256 that the archive must have, or empty
  std::string pin_source;  ///< who says so: "command line", "recipe"
  /// Digest published for an archive of this file name, from the matrix; asked when `pin` is empty.
  std::function<std::optional<std::string>(const std::string& file_name)> known_pin;
  /// Whether the matrix knows this digest, whatever the file is called; asked when nothing else pins it.
  std::function<bool(const std::string& sha256)> known_digest;
  std::vector<std::filesystem::path> keyrings;  ///< besides the store's own
  bundle::TrustPolicy policy;
  archive::EntryLimits limits;
};

/// What became of an archive.
struct AddResult {
  bundle::Bundle bundle;
  bool already_there = false;         ///< its content was not taken in again
  std::vector<std::string> warnings;  ///< also given to Progress::warn
  bool trust_updated = false;         ///< it was there, and more vouches for it than was recorded
};

/// A verification: facts and verdict, without a change to the store.
struct Verification {
  bundle::Bundle bundle;
  bundle::Report report;
  bundle::TrustDecision decision;
  std::optional<Problem> payload_problem;  ///< of a stored bundle: its payload is not what was stored
};

/// A key of the store's ring, and the file it came in.
struct TrustedKey {
  signature::PublicKey key;
  std::filesystem::path file;
};

/// The store of bundles and extra packages: <dir>/bundles/<archive sha256>/{bundle.json,tree.json,payload.iso,index/…},
/// <dir>/extras/<id>/…, <dir>/keyring/*. Everything in it arrives by one rename of a complete, synced directory, so a
/// reader sees a whole bundle or none. One process changes it at a time (lock file); reading needs no lock.
class Store {
 public:
  explicit Store(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// Verifies `archive` and takes it in. Throws Error{untrusted} when it is hostile or nothing vouches for it,
  /// {config} when it is no bundle bake can use, {usage} when it is not there; the store is unchanged then. What is in
  /// the store already is read and judged again, as verify() does but by these options alone; what more vouches for it
  /// now is recorded, what vouched before is not forgotten.
  AddResult add(const std::filesystem::path& archive, const AddOptions& options, Progress& progress);
  /// All that add() checks, without taking the archive in. Refusals by decision are in the result, not thrown.
  Verification verify_archive(const std::filesystem::path& archive, const AddOptions& options, Progress& progress);
  /// Reads a stored bundle again: payload digest, every package against its index, signatures against today's ring.
  Verification verify(const bundle::Bundle& bundle, const AddOptions& options, Progress& progress);

  /// All bundles, oldest version first.
  [[nodiscard]] std::vector<bundle::Bundle> list() const;
  /// The bundle of this version for this distribution and architecture.
  [[nodiscard]] std::optional<bundle::Bundle> find(const std::string& version, const std::string& distro,
                                                   const std::string& arch) const;
  /// The one bundle that `name` means: its name, or a unique prefix (4 digits or more) of its id. Throws Error{usage}
  /// when there is none or more than one.
  [[nodiscard]] bundle::Bundle get(const std::string& name) const;
  /// The same among bundles and extra packages.
  [[nodiscard]] std::variant<bundle::Bundle, bundle::Extras> get_any(const std::string& name) const;
  /// Removes a bundle or extra packages by the same kinds of name; gives its full name.
  std::string remove(const std::string& name);
  /// The index of one of the bundle's repositories, for the solver.
  [[nodiscard]] static bundle::IndexTexts index_texts(const bundle::Bundle& bundle,
                                                      const bundle::Repository& repository);

  /// Takes in every .rpm (or every .deb) of a directory as extra packages called `name`, for `distro` or for all. They
  /// are taken as they stand, unless `keyrings` are named: then keys of these or of the store's own ring must have
  /// signed every rpm. Throws Error{untrusted} when they did not, {usage} for debs, which carry no signature,
  /// and for packages that `distro` cannot install.
  bundle::Extras add_extras(const std::filesystem::path& packages, const std::string& name, const std::string& distro,
                            Progress& progress, const std::vector<std::filesystem::path>& keyrings = {});
  /// The extra packages for `distro`: those made for it and those for every release.
  [[nodiscard]] std::vector<bundle::Extras> extras(const std::string& distro) const;
  [[nodiscard]] std::vector<bundle::Extras> all_extras() const;
  [[nodiscard]] static bundle::IndexTexts index_texts(const bundle::Extras& extras);

  /// Adds the keys of a file to the store's key ring; gives them.
  std::vector<signature::PublicKey> trust(const std::filesystem::path& key_file);
  /// The keys of the store's ring, file by file.
  [[nodiscard]] std::vector<TrustedKey> trusted_keys() const;
  /// Takes the key out of the ring whose fingerprint ends with `fingerprint` (8 digits or more), together with the keys
  /// that came in the same file; gives all that are trusted no more. What the store took in while they were trusted
  /// stays. Throws Error{usage}, naming the keys that are there, unless it means exactly one.
  std::vector<signature::PublicKey> withdraw(const std::string& fingerprint);
  /// The store's key ring with `more` files added.
  [[nodiscard]] signature::KeyRing key_ring(const std::vector<std::filesystem::path>& more = {}) const;

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  /// For the end of a message that something is not in the store: ": there is no such directory", or empty.
  [[nodiscard]] std::string absence() const;

 private:
  AddResult add_again(bundle::Bundle bundle, const std::string& pin, const AddOptions& options, Progress& progress);

  std::filesystem::path directory_;
};

}  // namespace bake::store
