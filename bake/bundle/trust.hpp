#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/signature/openpgp.hpp"

namespace bake::bundle {

/// What became of one package file when it was held against its index.
enum class PackageVerdict {
  ok,                  ///< size and strongest digest agree
  mismatch,            ///< they do not
  missing_from_index,  ///< the file is there, no index lists it: bake never installs it
  missing_from_tree,   ///< the index lists it, the file is not there
  unindexed,           ///< the bundle has no index at all
};

/// "ok", "mismatch", "missing from index", "missing from tree", "unindexed".
std::string_view name_of(PackageVerdict verdict);

struct PackageCheck {
  std::string file;  ///< below the top directory, as the index names it
  PackageVerdict verdict = PackageVerdict::ok;
  std::string algorithm;                 ///< of the digest that was compared: "SHA512"
  std::string detail;                    ///< of a mismatch: what was expected, what was found
  signature::SignatureResult signature;  ///< of an rpm's header; absent for debs, which carry none
  bool payload_signed = false;
};

/// One index file and who signed for it.
struct IndexCheck {
  std::string file;  ///< "DEBS/UPSTREAM_LIBS/Release", "RPMS/repodata/repomd.xml"
  signature::SignatureResult signature;
};

/// Everything that was found out about where a bundle comes from. Facts only; decide_trust() decides.
struct Report {
  std::string archive_sha256;
  std::string pin;  ///< who pinned that digest ("command line", "recipe", "matrix"), or ""
  std::vector<IndexCheck> indexes;
  std::vector<PackageCheck> packages;
  std::vector<Problem> identity_problems;  ///< .mlnx, .arch, distro, directory name and index disagree
  std::vector<Problem> index_problems;     ///< an index does not fit what vouches for it
  std::set<std::string> weak;              ///< what indexes vouch with although it is weak: "index digests: MD5"
};

/// What the user is willing to accept.
struct TrustPolicy {
  bool allow_weak = true;              ///< DSA, SHA1, short keys: the vendor signs RPMs that way; named, not refused
  bool allow_rebuilt = false;          ///< "-ext" bundles, which nobody signs
  bool insecure_no_pin = false;        ///< neither a pin nor a signature is needed
  bool insecure_no_signature = false;  ///< with a key ring: signatures are not looked at
  bool insecure_no_index = false;      ///< packages are not held against the bundle's index
};

struct TrustDecision {
  Trust trust;
  std::vector<Problem> problems;      ///< reasons to refuse; none: the bundle may be used
  std::vector<std::string> warnings;  ///< to be said although it may be used
};

/// A file, and whose signature it carries.
struct SignedFile {
  std::string file;
  const signature::SignatureResult* result;
};

/// What is wrong with these signatures. Files with the same trouble are one problem, which counts them, names the first
/// few and stands at `whole`. `hint_when_unsigned` says what can be done about a file that is not signed.
std::vector<Problem> signature_problems(const std::vector<SignedFile>& files, const std::string& whole,
                                        const std::string& hint_when_unsigned);

/// Throws Error{untrusted} naming the problems of `what` ("bundle") `name`; there must be one.
[[noreturn]] void refuse(const std::string& what, const std::string& name, std::vector<Problem> problems);

/// Decides whether a bundle may be used. Pure. The rule: its bytes must be vouched for from outside, by a pin of the
/// archive's digest or by a key of the user's ring; when there is a ring, its signature is needed even with a pin; and
/// every package must be what the index says.
TrustDecision decide_trust(const Report& report, const Bundle& bundle, bool have_key_ring, const TrustPolicy& policy);

}  // namespace bake::bundle
