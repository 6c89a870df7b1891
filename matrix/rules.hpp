#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "matrix/rows.hpp"

namespace bake::matrix {

/// One combination that rules judge. `ofed` is null for the inbox driver.
struct Candidate {
  const OsRow& os;
  const SizeRow& size;
  const OfedRow* ofed;
  std::string_view kernel;  ///< the kernel that boots; empty: not known
};

/// Whether a rule holds for a candidate. `unknown`: all conditions are met but those on a kernel that is not known.
enum class Holds { no, yes, unknown };
Holds holds(const RuleRow& rule, const Candidate& candidate);

/// Whether the release is one a rule's `os` entry means: "ubuntu", "ubuntu 18.04", "ubuntu <20.04", "el <8.6".
bool means(std::string_view entry, const OsRow& os);

/// What the rules say of a candidate: sentences. It works when `refusals` is empty.
struct Judgement {
  std::vector<std::string> refusals;
  std::vector<std::string> remedies;  ///< of the refusals that have one
  std::vector<std::string> warnings;
};
Judgement judge(const std::vector<RuleRow>& rules, const Candidate& candidate);

/// Adds `text` to `list` unless it is there.
void add_once(std::vector<std::string>& list, const std::string& text);

/// Whether `list` holds `text`.
bool contains(const std::vector<std::string>& list, std::string_view text);

}  // namespace bake::matrix
