#include "bake/verify/check.hpp"

#include <fmt/format.h>

#include "bake/base/error.hpp"

namespace bake::verify {

nlohmann::ordered_json to_json(const std::vector<Check>& checks) {
  auto json = nlohmann::ordered_json::array();
  for (const auto& check : checks)
    json.push_back({{"check", check.name}, {"ok", check.ok}, {"evidence", check.evidence}});
  return json;
}

void require(const std::vector<Check>& checks, const std::string& image) {
  std::vector<Problem> problems;
  for (const auto& check : checks)
    if (!check.ok) problems.push_back({check.name, check.evidence, {}});
  throw_if_any(ErrorKind::verification, fmt::format("verifying '{}'", image), problems);
}

}  // namespace bake::verify
