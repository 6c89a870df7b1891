#include "matrix/rules.hpp"

#include <algorithm>

#include "bake/base/text.hpp"
#include "matrix/reader.hpp"

namespace bake::matrix {
namespace {

bool within(std::string_view version, const std::string& at_least, const std::string& below) {
  return (at_least.empty() || compare_versions(version, at_least) >= 0) &&
         (below.empty() || compare_versions(version, below) < 0);
}

bool driver_matches(const RuleRow& rule, const OfedRow* ofed) {
  const bool names_releases = !rule.ofed.empty() || !rule.ofed_at_least.empty() || !rule.ofed_below.empty();
  if (ofed == nullptr) return rule.driver != "ofed" && !names_releases;
  if (rule.driver == "inbox") return false;
  if (!rule.ofed.empty() && !contains(rule.ofed, ofed->version)) return false;
  return within(ofed->version, rule.ofed_at_least, rule.ofed_below);
}

}  // namespace

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (!contains(list, text)) list.push_back(text);
}

/// "el", "ubuntu 18.04", "el <8.6", "el >=8 <8.7": a family or an id, and what its version must be.
bool means(std::string_view entry, const OsRow& os) {
  const auto words = split_words(entry);
  if (words.front() != os.id && !(words.front() == "el" && os.family == "rpm")) return false;
  return std::all_of(words.begin() + 1, words.end(), [&](std::string_view version) {
    if (version.starts_with(">=")) return compare_versions(os.version, version.substr(2)) >= 0;
    if (version.starts_with("<")) return compare_versions(os.version, version.substr(1)) < 0;
    return version == os.version;
  });
}

Holds holds(const RuleRow& rule, const Candidate& candidate) {
  if (rule.about_agents()) return Holds::no;
  if (!rule.generations.empty() && !contains(rule.generations, candidate.size.generation)) return Holds::no;
  if (!rule.families.empty() && !contains(rule.families, candidate.size.family)) return Holds::no;
  if (!driver_matches(rule, candidate.ofed)) return Holds::no;
  if (!rule.os.empty() &&
      std::none_of(rule.os.begin(), rule.os.end(), [&](const auto& entry) { return means(entry, candidate.os); }))
    return Holds::no;
  if (rule.kernel_at_least.empty() && rule.kernel_below.empty() && rule.kernel_contains.empty()) return Holds::yes;
  // Enterprise Linux keeps one kernel version for its life, so the first kernel speaks for the one that boots.
  const auto kernel = candidate.kernel.empty() && candidate.os.family == "rpm"
                          ? std::string_view(candidate.os.ga_kernel)
                          : candidate.kernel;
  if (kernel.empty()) return Holds::unknown;
  if (!rule.kernel_contains.empty() && kernel.find(rule.kernel_contains) == std::string_view::npos) return Holds::no;
  return within(kernel, rule.kernel_at_least, rule.kernel_below) ? Holds::yes : Holds::no;
}

Judgement judge(const std::vector<RuleRow>& rules, const Candidate& candidate) {
  Judgement judgement;
  for (const auto& rule : rules) {
    const auto verdict = holds(rule, candidate);
    if (verdict == Holds::no) continue;
    const auto unconfirmed = rule.provenance.unverified ? " (unverified)" : "";
    if (rule.refuses && verdict == Holds::yes) {
      add_once(judgement.refusals, rule.message + unconfirmed);
      if (!rule.remedy.empty()) add_once(judgement.remedies, rule.remedy);
    } else if (rule.refuses) {
      add_once(judgement.warnings, rule.message + "; which kernel boots is not known yet");
    } else if (verdict == Holds::yes) {
      add_once(judgement.warnings, rule.message + unconfirmed + (rule.remedy.empty() ? "" : ": " + rule.remedy));
    }
  }
  return judgement;
}

AgentVerdict Matrix::agent_verdict(std::string_view version) const {
  if (version.empty()) return {};
  for (const auto& rule : rows_->rules)
    if (rule.about_agents() && within(version, rule.agent_at_least, rule.agent_below))
      return {rule.refuses, rule.message, rule.remedy, rule.id};
  return {};
}

}  // namespace bake::matrix
