#include "matrix/rules.hpp"

#include <algorithm>

#include "bake/base/text.hpp"
#include "matrix/loading.hpp"

namespace bake::matrix {
namespace {

/// Returns whether at_least <= version < below. An empty bound sets no limit.
bool within(std::string_view version, const std::string& at_least, const std::string& below) {
  return (at_least.empty() || compare_versions(version, at_least) >= 0) &&
         (below.empty() || compare_versions(version, below) < 0);
}

bool driver_matches(const RuleRow& rule, const OfedRow* ofed) {
  const bool names_releases = !rule.ofed.empty() || !rule.ofed_at_least.empty() || !rule.ofed_below.empty();
  if (ofed == nullptr) return rule.driver != "ofed" && !names_releases;
  if (rule.driver == "inbox") return false;
  if (!rule.ofed.empty() && !contains(rule.ofed, ofed->version)) return false;
  // The versions of MLNX_OFED and of DOCA are not comparable.
  for (const auto* bound : {&rule.ofed_at_least, &rule.ofed_below})
    if (!bound->empty() && is_doca(*bound) != is_doca(ofed->version)) return false;
  return within(ofed->version, rule.ofed_at_least, rule.ofed_below);
}

/// As within(); a rule without bounds says nothing about the package, and a rule with bounds needs a version.
bool package_matches(std::string_view version, const std::string& at_least, const std::string& below) {
  if (at_least.empty() && below.empty()) return true;
  return !version.empty() && within(version, at_least, below);
}

bool package_rule_matches(const RuleRow& rule, const GuestPackages& packages) {
  if (!rule.is_package_rule()) return false;
  if (rule.enable_rdma && !packages.enable_rdma) return false;
  if (rule.udev_renames_interfaces && !packages.udev_renames_interfaces) return false;
  if (rule.cloud_init_network && !packages.cloud_init_network) return false;
  return package_matches(packages.agent, rule.agent_at_least, rule.agent_below) &&
         package_matches(packages.cloud_init, rule.cloud_init_at_least, rule.cloud_init_below);
}

}  // namespace

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (!contains(list, text)) list.push_back(text);
}

bool os_entry_matches(std::string_view entry, const OsRow& os) {
  const auto words = split_words(entry);
  if (words.front() != os.id && !(words.front() == "el" && os.family == "rpm")) return false;
  return std::all_of(words.begin() + 1, words.end(), [&](std::string_view version) {
    if (version.starts_with(">=")) return compare_versions(os.version, version.substr(2)) >= 0;
    if (version.starts_with("<")) return compare_versions(os.version, version.substr(1)) < 0;
    return version == os.version;
  });
}

RuleMatch match_rule(const RuleRow& rule, const Candidate& candidate) {
  if (rule.is_package_rule()) return RuleMatch::no;
  if (!rule.generations.empty() && !contains(rule.generations, candidate.size.generation)) return RuleMatch::no;
  if (!rule.families.empty() && !contains(rule.families, candidate.size.family)) return RuleMatch::no;
  if (!driver_matches(rule, candidate.ofed)) return RuleMatch::no;
  if (!rule.os.empty() && std::none_of(rule.os.begin(), rule.os.end(),
                                       [&](const auto& entry) { return os_entry_matches(entry, candidate.os); }))
    return RuleMatch::no;
  if (rule.kernel_at_least.empty() && rule.kernel_below.empty() && rule.kernel_contains.empty()) return RuleMatch::yes;
  // Enterprise Linux keeps one kernel version for its whole life, so the first kernel answers for later ones.
  const auto kernel = candidate.kernel.empty() && candidate.os.family == "rpm"
                          ? std::string_view(candidate.os.ga_kernel)
                          : candidate.kernel;
  if (kernel.empty()) return RuleMatch::unknown;
  if (!rule.kernel_contains.empty() && kernel.find(rule.kernel_contains) == std::string_view::npos)
    return RuleMatch::no;
  return within(kernel, rule.kernel_at_least, rule.kernel_below) ? RuleMatch::yes : RuleMatch::no;
}

RuleFindings apply_rules(const std::vector<RuleRow>& rules, const Candidate& candidate) {
  RuleFindings findings;
  for (const auto& rule : rules) {
    const auto match = match_rule(rule, candidate);
    if (match == RuleMatch::no) continue;
    const auto unverified = rule.provenance.unverified ? " (unverified)" : "";
    if (rule.effect == Effect::refuse && match == RuleMatch::yes) {
      add_once(findings.refusals, rule.message + unverified);
      if (!rule.remedy.empty()) add_once(findings.remedies, rule.remedy);
    } else if (rule.effect == Effect::refuse) {
      add_once(findings.warnings, rule.message + "; which kernel boots is not known yet");
    } else if (match == RuleMatch::yes) {
      add_once(findings.warnings, rule.message + unverified + (rule.remedy.empty() ? "" : ": " + rule.remedy));
    }
  }
  return findings;
}

const SecureBootRow* Matrix::find_secure_boot(std::string_view id, std::string_view version,
                                              std::string_view kernel) const {
  const auto* known = find_os(id, version);
  OsRow os;
  os.id = to_lower(id);
  os.version = version;
  if (known != nullptr) os = *known;
  const SecureBootRow* found = nullptr;
  for (const auto& row : rows_->secure_boot)
    if (std::any_of(row.os.begin(), row.os.end(), [&](const auto& entry) { return os_entry_matches(entry, os); }) &&
        within(kernel, row.kernel_at_least, row.kernel_below) &&
        (row.kernel_contains.empty() || kernel.find(row.kernel_contains) != std::string_view::npos))
      found = &row;
  return found;
}

std::vector<PackageFinding> Matrix::package_rules(const GuestPackages& packages) const {
  const auto* os = find_os(packages.os_id, packages.os_version);
  std::vector<PackageFinding> findings;
  for (const auto& rule : rows_->rules) {
    const bool os_matches =
        rule.os.empty() || (os != nullptr && std::any_of(rule.os.begin(), rule.os.end(), [&](const auto& entry) {
                              return os_entry_matches(entry, *os);
                            }));
    if (os_matches && package_rule_matches(rule, packages))
      findings.push_back({rule.effect, rule.message, rule.remedy, rule.provenance.source, rule.id});
  }
  std::stable_sort(findings.begin(), findings.end(), [](const PackageFinding& a, const PackageFinding& b) {
    return a.effect == Effect::refuse && b.effect != Effect::refuse;
  });
  return findings;
}

}  // namespace bake::matrix
