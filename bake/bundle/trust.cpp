#include "bake/bundle/trust.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <utility>

#include "bake/base/text.hpp"
#include "bake/bundle/vendor_keys.hpp"

namespace bake::bundle {
namespace {

constexpr std::size_t max_named_files = 3;
constexpr std::size_t max_listed_problems = 12;
constexpr std::size_t max_unlisted_names = 20;
constexpr const char* unsigned_hint =
    "if you can vouch for it yourself: --insecure-no-signature, together with --sha256 and the publisher's digest";

bool is_good(const IndexCheck& index) { return index.signature.state == signature::SignatureState::good; }

/// The signatures that count: of the indexes for debs, of every package for rpms, and of a signed index of DOCA-Host.
std::vector<SignedFile> signatures_of(const Report& report, const Bundle& bundle) {
  std::vector<SignedFile> all;
  const bool deb = bundle.format == PackageFormat::deb;
  for (const auto& index : report.indexes)
    if (deb || (bundle.doca && index.signature.state != signature::SignatureState::absent))
      all.push_back({index.file, &index.signature});
  if (!deb)
    for (const auto& package : report.packages)
      if (package.verdict == PackageVerdict::ok || package.verdict == PackageVerdict::unindexed)
        all.push_back({package.file, &package.signature});
  return all;
}

/// Returns whether the file has no signature that bake could judge. A pin makes up for it in DOCA-Host.
bool is_without_verdict(const SignedFile& file) {
  const auto state = file.result->state;
  return state == signature::SignatureState::absent || state == signature::SignatureState::unknown_key ||
         state == signature::SignatureState::unreadable;
}

Problem problem_of(const SignedFile& entry, const std::string& hint_when_unsigned) {
  const auto& result = *entry.result;
  switch (result.state) {
    case signature::SignatureState::bad:
      return {entry.file,
              result.reason.empty()
                  ? fmt::format("bad signature: it names key {} but does not match the file", result.key_id)
                  : "bad signature: " + result.reason,
              ""};
    case signature::SignatureState::refused:
      return {entry.file, fmt::format("signature by key {} refused: {}", result.key_id, result.reason), ""};
    case signature::SignatureState::unknown_key:
      return {entry.file,
              fmt::format("signed with {} by key {}, which is not in your key ring", result.algorithms, result.key_id),
              hint_about_key(result.key_id, false),
              {{Remedy::Action::trust_key}}};
    case signature::SignatureState::unreadable:
      return {entry.file, "its signature cannot be read", ""};
    default:
      return {entry.file, "not signed", hint_when_unsigned};
  }
}

/// The problem of a bundle of which no signature was checked.
Problem no_signature(const Report& report, const Bundle& bundle) {
  if (report.ignored_indexes.empty()) return {bundle.name, "nothing in it is signed", unsigned_hint};
  return {bundle.name,
          fmt::format("its signed index {} is not read with --insecure-no-index", join(report.ignored_indexes, ", ")),
          "leave out --insecure-no-index, or add --insecure-no-signature if you can vouch for the bundle yourself"};
}

/// Removes from `all` what a pin, or a trusted signature of the index, vouches for without its own signature. Names it
/// in a warning. Returns false if only the pin vouches for one of them: then the bundle as a whole has no signer.
bool excuse_unsigned(const Report& report, const Bundle& bundle, std::vector<SignedFile>& all,
                     TrustDecision& decision) {
  const bool index_vouches = std::any_of(report.indexes.begin(), report.indexes.end(), is_good);
  if (report.pin.empty() && !index_vouches) return true;
  std::vector<std::string> names;
  std::erase_if(all, [&](const SignedFile& file) {
    const bool is_index = std::any_of(report.indexes.begin(), report.indexes.end(),
                                      [&](const IndexCheck& index) { return &index.signature == file.result; });
    const bool excused = is_without_verdict(file) && (!report.pin.empty() || !is_index);
    if (excused) names.push_back(file.file);
    return excused;
  });
  if (names.empty()) return true;
  const auto count = names.size();
  names.resize(std::min(count, max_named_files));
  decision.warnings.push_back(
      fmt::format("'{}': {} vouches for files without a signature by a trusted key: {}{}", bundle.name,
                  index_vouches ? "the signed index" : "only the pin", join(names, ", "),
                  count > names.size() ? fmt::format(" and {} more", count - names.size()) : ""));
  return index_vouches;
}

void add_hints_about_doca_keys(const Report& report, const Bundle& bundle, std::vector<Problem>& problems) {
  for (auto& problem : problems) {
    if (problem.hint != hint_about_key("", false)) continue;
    problem.hint = hint_about_key("", bundle.format == PackageFormat::rpm);
    for (const auto& key : report.shipped_keys)
      problem.hint += fmt::format(
          "; {} has key {}{}", key.file, key.fingerprint,
          known_vendor_key(key.fingerprint).empty() ? "" : fmt::format(" ({})", known_vendor_key(key.fingerprint)));
  }
}

void decide_signatures(const Report& report, const Bundle& bundle, const TrustPolicy& policy, TrustDecision& decision) {
  std::set<std::string> signers;
  std::set<std::string> weak;
  auto all = signatures_of(report, bundle);
  const bool any = !all.empty();
  const bool one_signer = !bundle.doca || excuse_unsigned(report, bundle, all, decision);
  for (const auto& entry : all) {
    weak.insert(entry.result->weak.begin(), entry.result->weak.end());
    if (entry.result->state == signature::SignatureState::good) signers.insert(entry.result->fingerprint);
  }
  auto unsigned_files = signature_problems(all, bundle.name, unsigned_hint);
  if (bundle.doca) add_hints_about_doca_keys(report, bundle, unsigned_files);
  if (!any && !(bundle.doca && !report.pin.empty())) unsigned_files.push_back(no_signature(report, bundle));
  decision.trust.weak.insert(decision.trust.weak.end(), weak.begin(), weak.end());
  if (!weak.empty() && !policy.allow_weak)
    for (const auto& algorithm : weak) decision.problems.push_back({bundle.name, "signed with weak " + algorithm, ""});
  const bool unsigned_is_fine = policy.insecure_no_signature || (bundle.rebuilt && policy.allow_rebuilt);
  if (unsigned_files.empty() && !one_signer) return;
  if (unsigned_files.empty())
    for (const auto& signer : signers) decision.trust.signer += (decision.trust.signer.empty() ? "" : ", ") + signer;
  else if (!unsigned_is_fine)
    decision.problems.insert(decision.problems.end(), unsigned_files.begin(), unsigned_files.end());
  else if (policy.insecure_no_signature)
    decision.trust.overridden.emplace_back("--insecure-no-signature");
}

/// Names weak index digests, and refuses them when the policy says so, with or without a key ring.
void decide_index_digests(const Report& report, const Bundle& bundle, const TrustPolicy& policy,
                          TrustDecision& decision) {
  for (const auto& weak : report.weak) {
    decision.trust.weak.push_back(weak);
    if (!policy.allow_weak) decision.problems.push_back({bundle.name, "weak " + weak, ""});
  }
}

void decide_packages(const Report& report, const std::string& name, const TrustPolicy& policy,
                     TrustDecision& decision) {
  std::vector<std::string> unlisted;
  for (const auto& package : report.packages) {
    switch (package.verdict) {
      case PackageVerdict::ok:
        break;
      case PackageVerdict::missing_from_index:
        unlisted.push_back(package.file);
        break;
      case PackageVerdict::mismatch:
      case PackageVerdict::missing_from_tree:
        decision.problems.push_back({package.file,
                                     package.verdict == PackageVerdict::mismatch
                                         ? "differs from the index: " + package.detail
                                         : "the index lists it, but the bundle does not contain it",
                                     ""});
        break;
      case PackageVerdict::unindexed:
        if (!policy.insecure_no_index) decision.problems.push_back({package.file, "no index vouches for it", ""});
        break;
    }
  }
  if (unlisted.empty()) return;
  const auto count = unlisted.size();
  unlisted.resize(std::min(count, max_unlisted_names));
  decision.warnings.push_back(fmt::format(
      "'{}': no index lists these package files, so bake will not install them: {}{}", name, join(unlisted, ", "),
      count > unlisted.size() ? fmt::format(" and {} more", count - unlisted.size()) : ""));
}

}  // namespace

std::string_view name_of(PackageVerdict verdict) {
  switch (verdict) {
    case PackageVerdict::ok:
      return "ok";
    case PackageVerdict::mismatch:
      return "mismatch";
    case PackageVerdict::missing_from_index:
      return "missing from index";
    case PackageVerdict::missing_from_tree:
      return "missing from tree";
    case PackageVerdict::unindexed:
      return "unindexed";
  }
  return "mismatch";
}

std::vector<Problem> signature_problems(const std::vector<SignedFile>& files, const std::string& whole,
                                        const std::string& hint_when_unsigned) {
  std::vector<std::pair<Problem, std::vector<std::string>>> groups;  // in the order in which they are met
  for (const auto& file : files) {
    if (file.result->state == signature::SignatureState::good) continue;
    auto problem = problem_of(file, hint_when_unsigned);
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const auto& group) { return group.first.message == problem.message; });
    if (same == groups.end())
      groups.emplace_back(std::move(problem), std::vector{file.file});
    else
      same->second.push_back(file.file);
  }
  std::vector<Problem> problems;
  for (auto& [problem, names] : groups) {
    if (const auto count = names.size(); count > 1) {
      names.resize(std::min(count, max_named_files));
      problem.where = whole;
      problem.message += fmt::format(" ({} files: {}{})", count, join(names, ", "),
                                     count > names.size() ? fmt::format(" and {} more", count - names.size()) : "");
    }
    problems.push_back(std::move(problem));
  }
  return problems;
}

void refuse(const std::string& what, const std::string& name, std::vector<Problem> problems) {
  const auto count = problems.size();
  const auto& first = problems.front();
  if (count > max_listed_problems) {
    problems.resize(max_listed_problems);
    problems.push_back(
        {"", fmt::format("and {} more", count - max_listed_problems), "", {{Remedy::Action::verify_bundle, name}}});
  }
  if (count > 1) throw_if_any(ErrorKind::untrusted, fmt::format("trusting {} '{}'", what, name), problems);
  throw Error(
      ErrorKind::untrusted,
      fmt::format("trusting {} '{}': {}{}", what, name, first.where == name ? "" : first.where + ": ", first.message),
      first.hint, first.remedies);
}

TrustDecision decide_trust(const Report& report, const Bundle& bundle, bool have_key_ring, const TrustPolicy& policy) {
  TrustDecision decision;
  decision.trust.archive_sha256 = report.archive_sha256;
  decision.trust.from_directory = report.from_directory;
  decision.trust.pin = report.pin;
  decision.problems = report.identity_problems;
  if (bundle.rebuilt && !policy.allow_rebuilt)
    decision.problems.push_back({bundle.name, "rebuilt by mlnx_add_kernel_support.sh: its packages are not signed",
                                 "pass --allow-rebuilt if you or your site rebuilt it"});
  if (bundle.rebuilt && policy.allow_rebuilt) decision.trust.overridden.emplace_back("--allow-rebuilt");
  if (policy.insecure_no_index)
    decision.trust.overridden.emplace_back("--insecure-no-index");
  else
    decision.problems.insert(decision.problems.end(), report.index_problems.begin(), report.index_problems.end());
  decide_index_digests(report, bundle, policy, decision);
  decide_packages(report, bundle.name, policy, decision);
  if (have_key_ring) decide_signatures(report, bundle, policy, decision);
  // With a ring, a signature that is missing or wrong has been reported already.
  const bool signature_refused =
      have_key_ring && !policy.insecure_no_signature && !(bundle.rebuilt && policy.allow_rebuilt);
  if (report.pin.empty() && decision.trust.signer.empty() && !signature_refused) {
    if (policy.insecure_no_pin)
      decision.trust.overridden.emplace_back("--insecure-no-pin");
    else
      decision.problems.push_back(
          {bundle.name,
           "no pinned sha256 and no signature by a trusted key",
           "pass --sha256 with the publisher's digest, or trust the vendor's key, or pass --insecure-no-pin",
           {{Remedy::Action::trust_key}}});
  }
  for (const auto& flag : decision.trust.overridden)
    decision.warnings.push_back(
        fmt::format("{} was given for '{}'; the manifest of every image made from it says so", flag, bundle.name));
  return decision;
}

}  // namespace bake::bundle
