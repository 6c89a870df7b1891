#include "bake/verify/check.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "bake/base/error.hpp"

namespace bake::verify {

const char* name_of(Status status) {
  switch (status) {
    case Status::passed:
      return "passed";
    case Status::failed:
      return "failed";
    case Status::skipped:
      return "skipped";
  }
  throw Error(ErrorKind::bug, "naming the status of a check: it is not known");
}

Check::Check(std::string checked_rule, Status result, std::string found)
    : rule(std::move(checked_rule)), status(result), evidence(std::move(found)) {}

Check::Check(std::string checked_rule, bool passed, std::string found)
    : Check(std::move(checked_rule), passed ? Status::passed : Status::failed, std::move(found)) {}

Check skipped(std::string rule, std::string reason) { return {std::move(rule), Status::skipped, std::move(reason)}; }

nlohmann::ordered_json to_json(const std::vector<Check>& checks) {
  auto json = nlohmann::ordered_json::array();
  for (const auto& check : checks)
    json.push_back({{"check", check.rule}, {"status", name_of(check.status)}, {"evidence", check.evidence}});
  return json;
}

bool is_good(const std::vector<Check>& checks) {
  return std::none_of(checks.begin(), checks.end(), [](const auto& check) { return check.failed(); });
}

std::string summary_of(const std::vector<Check>& checks) {
  const auto count = [&](Status status) {
    return std::count_if(checks.begin(), checks.end(), [&](const auto& check) { return check.status == status; });
  };
  return fmt::format("{} passed, {} failed, {} skipped", count(Status::passed), count(Status::failed),
                     count(Status::skipped));
}

void require(const std::vector<Check>& checks, const std::string& image) {
  std::vector<Problem> problems;
  for (const auto& check : checks)
    if (check.failed()) problems.push_back({check.rule, check.evidence, {}});
  throw_if_any(ErrorKind::verification, fmt::format("verifying '{}'", image), problems);
}

}  // namespace bake::verify
