#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bake::verify {

/// A check that did not run, or had nothing to check, is `skipped`, never `passed`.
enum class Status { passed, failed, skipped };

/// The status as the word in JSON: "passed", "failed", "skipped".
const char* name_of(Status status);

/// The result of one check of a finished image.
struct Check {
  Check() = default;
  Check(std::string checked_rule, Status result, std::string found);
  /// Passed or failed.
  Check(std::string checked_rule, bool passed, std::string found);

  std::string rule;  ///< short name: "packages", "SELinux labels"
  Status status = Status::failed;
  std::string evidence;  ///< what was found in the image; why the check was skipped

  [[nodiscard]] bool failed() const { return status == Status::failed; }

  friend bool operator==(const Check&, const Check&) = default;
};

/// A check that did not run, and the reason.
Check skipped(std::string rule, std::string reason);

/// Returns one object for each check: check, status, evidence. `check` is the rule; scripts find a check by it.
nlohmann::ordered_json to_json(const std::vector<Check>& checks);

/// Returns whether no check failed.
bool is_good(const std::vector<Check>& checks);

/// Returns "12 passed, 1 failed, 3 skipped".
std::string summary_of(const std::vector<Check>& checks);

/// Throws Error{verification} that lists the failed checks, when a check failed.
void require(const std::vector<Check>& checks, const std::string& image);

}  // namespace bake::verify
