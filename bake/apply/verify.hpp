#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"
#include "bake/plan/expectations.hpp"

namespace bake::apply {

/// One thing that must be true of a finished image, and what was seen.
struct Check {
  std::string name;
  bool ok = false;
  std::string evidence;

  friend bool operator==(const Check&, const Check&) = default;
};

/// Asks the finished guest itself: packages and their database, the module that the kernel will load, unresolved
/// symbols, initramfs, services, agent, holds, firstboot, labels, traces of the bake. Changes nothing. `facts`: of this
/// guest now.
std::vector<Check> verify(guest::Guest& guest, const guest::Facts& facts, const plan::Expectations& expected);

nlohmann::ordered_json to_json(const std::vector<Check>& checks);

/// Throws Error{verification} naming every failed check, if any failed.
void require(const std::vector<Check>& checks, const std::string& image);

}  // namespace bake::apply
