#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bake::verify {

/// One thing that must be true of a finished image, and what was seen.
struct Check {
  std::string name;
  bool ok = false;
  std::string evidence;

  friend bool operator==(const Check&, const Check&) = default;
};

nlohmann::ordered_json to_json(const std::vector<Check>& checks);

/// Throws Error{verification} naming every failed check, if any failed.
void require(const std::vector<Check>& checks, const std::string& image);

}  // namespace bake::verify
