#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "matrix/rows.hpp"

namespace bake::matrix {

/// One combination to compare with the rules. `ofed` is null for the inbox driver.
struct Candidate {
  const OsRow& os;
  const SizeRow& size;
  const OfedRow* ofed;
  std::string_view kernel;  ///< the kernel that boots; empty: not known
};

/// Whether a rule matches a candidate. `unknown`: the kernel is not known, and all other conditions match.
enum class RuleMatch { no, yes, unknown };
RuleMatch match_rule(const RuleRow& rule, const Candidate& candidate);

/// Returns whether a rule's `os` entry matches a release: "ubuntu", "ubuntu 18.04", "ubuntu <20.04", "el >=8 <8.7"
/// ("el": CentOS, RHEL and rebuilds).
bool os_entry_matches(std::string_view entry, const OsRow& os);

/// Messages of the rules that match. The candidate works when `refusals` is empty.
struct RuleFindings {
  std::vector<std::string> refusals;
  std::vector<std::string> remedies;  ///< of the refusals that have one
  std::vector<std::string> warnings;
};
RuleFindings apply_rules(const std::vector<RuleRow>& rules, const Candidate& candidate);

/// Appends `text` to `list` unless the list contains it.
void add_once(std::vector<std::string>& list, const std::string& text);

/// Returns whether `list` contains `text`.
bool contains(const std::vector<std::string>& list, std::string_view text);

}  // namespace bake::matrix
