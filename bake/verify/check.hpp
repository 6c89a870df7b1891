#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bake::verify {

/// The result of one check of a finished image.
struct Check {
  std::string name;
  bool ok = false;
  std::string evidence;  ///< what was found in the image

  friend bool operator==(const Check&, const Check&) = default;
};

nlohmann::ordered_json to_json(const std::vector<Check>& checks);

/// Throws Error{verification} that lists the failed checks, when a check failed.
void require(const std::vector<Check>& checks, const std::string& image);

}  // namespace bake::verify
