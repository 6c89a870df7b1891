#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/signature/openpgp.hpp"

namespace bake::bundle {

/// The result of comparing one package file with its index.
enum class PackageVerdict {
  ok,                  ///< size and strongest digest agree
  mismatch,            ///< size or digest differ
  missing_from_index,  ///< no index lists the file: bake never installs it
  missing_from_tree,   ///< the index lists it, but the file is missing
  unindexed,           ///< the bundle has no index at all
};

/// "ok", "mismatch", "missing from index", "missing from tree", "unindexed".
std::string_view name_of(PackageVerdict verdict);

struct PackageCheck {
  std::string file;  ///< below the top directory, as the index names it
  PackageVerdict verdict = PackageVerdict::ok;
  std::string algorithm;                 ///< of the digest that was compared: "SHA512"
  std::string detail;                    ///< of a mismatch: the expected and the found value
  signature::SignatureResult signature;  ///< of an rpm; absent for debs, which have none
  bool payload_signed = false;
};

/// One index file and who signed for it.
struct IndexCheck {
  std::string file;  ///< "DEBS/UPSTREAM_LIBS/Release", "RPMS/repodata/repomd.xml"
  signature::SignatureResult signature;
};

/// A key that a bundle has in it. It does not vouch for the bundle: who changes one can change the other.
struct ShippedKey {
  std::string file;
  std::string fingerprint;
  std::string user_id;

  friend bool operator==(const ShippedKey&, const ShippedKey&) = default;
};

/// The facts about the origin of a bundle. decide_trust() decides.
struct Report {
  std::string archive_sha256;   ///< as Trust::archive_sha256
  bool from_directory = false;  ///< as Trust::from_directory
  std::string pin;              ///< the source of a pinned digest ("command line", "recipe", "matrix"), or ""
  std::vector<IndexCheck> indexes;
  std::vector<std::string> ignored_indexes;  ///< signed indexes that --insecure-no-index leaves unread
  std::vector<PackageCheck> packages;
  std::vector<Problem> identity_problems;     ///< .mlnx, .arch, distro, directory name and index disagree
  std::vector<Problem> index_problems;        ///< an index differs from the file that vouches for it
  std::set<std::string> weak;                 ///< weak digests that indexes use: "index digests: MD5"
  std::vector<ShippedKey> shipped_keys = {};  ///< of DOCA-Host: those that its .list or .repo file names
  /// The .list or .repo file of DOCA-Host asks for no signature (trusted=yes, gpgcheck=0). bake ignores that.
  bool declares_trust = false;
};

/// What the user accepts.
struct TrustPolicy {
  bool allow_weak = true;              ///< DSA, SHA1, short keys: the vendor signs RPMs that way; named, not refused
  bool allow_rebuilt = false;          ///< "-ext" bundles; their packages are not signed
  bool insecure_no_pin = false;        ///< accept a bundle without pin and signature
  bool insecure_no_signature = false;  ///< with a key ring: do not check signatures
  bool insecure_no_index = false;      ///< do not compare packages with the bundle's index
};

struct TrustDecision {
  Trust trust;
  std::vector<Problem> problems;      ///< reasons to refuse the bundle; empty when it may be used
  std::vector<std::string> warnings;  ///< for the user, also when the bundle may be used
};

/// A file and the result of its signature check.
struct SignedFile {
  std::string file;
  const signature::SignatureResult* result;
};

/// Returns what is wrong with these signatures. Files with the same problem become one problem at `whole`, with their
/// number and the first few names. `hint_when_unsigned` is the hint for a file that is not signed.
std::vector<Problem> signature_problems(const std::vector<SignedFile>& files, const std::string& whole,
                                        const std::string& hint_when_unsigned);

/// Throws Error{untrusted} naming the problems of `what` ("bundle") `name`; the list is not empty.
[[noreturn]] void refuse(const std::string& what, const std::string& name, std::vector<Problem> problems);

/// Decides whether a bundle may be used. Pure. The rule: a pinned digest of the archive or a key of the user's ring
/// must vouch for the bytes; with a ring, a signature is required even with a pin; and every package must match its
/// index. DOCA-Host has an exception: NVIDIA does not sign all packages in it, so a pin or a trusted signature of the
/// index is enough for packages without a signature by a trusted key; a wrong signature is refused even then.
TrustDecision decide_trust(const Report& report, const Bundle& bundle, bool have_key_ring, const TrustPolicy& policy);

}  // namespace bake::bundle
