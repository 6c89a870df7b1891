#pragma once

#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"
#include "bake/verify/check.hpp"

namespace bake::verify {

/// The image that a rule looks at. `facts` must be the current facts of `guest`.
struct Subject {
  guest::Guest& guest;
  const guest::Facts& facts;
};

/// The answer of one rule. `remedy` says what to change in the base; only a failed rule has one.
struct Finding {
  Status status = Status::failed;
  std::string evidence;
  std::string remedy = {};
};

/// One rule of Azure's image validators that holds for an image that is not running.
struct AzureRule {
  const char* rule;
  const char* source;  ///< repository, file and the test or task in it
  Finding (*check)(const Subject& subject);
};

/// The rules, as docs/verify.md lists them.
const std::vector<AzureRule>& azure_rules();

/// Checks the guest against every rule. All results are advice: the base decides about them, not the bake. Changes
/// nothing.
std::vector<Check> verify_azure(guest::Guest& guest, const guest::Facts& facts);

}  // namespace bake::verify
