#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace bake::verify {

/// A check that did not run, or had nothing to check, is `skipped`, never `passed`.
enum class Status { passed, failed, skipped };

/// The status as the word in JSON: "passed", "failed", "skipped".
const char* name_of(Status status);

/// A required check that fails fails the image. Advice is about the base, which the bake did not make.
enum class Level { required, advice };

/// The result of one check of a finished image.
struct Check {
  Check() = default;
  Check(std::string checked_rule, Status result, std::string found);
  /// Passed or failed.
  Check(std::string checked_rule, bool passed, std::string found);

  std::string rule;  ///< short name: "packages", "SELinux labels"
  Status status = Status::failed;
  std::string evidence;  ///< what was found in the image; why the check was skipped
  Level level = Level::required;
  std::string source = {};  ///< the outside project and file that the rule comes from; empty: bake's own rule
  std::string remedy = {};  ///< what to change in the base; only a failed check has one

  /// Fails the image.
  [[nodiscard]] bool failed() const { return status == Status::failed && level == Level::required; }
  /// Does not fail the image, but the base should be changed.
  [[nodiscard]] bool advises() const { return status == Status::failed && level == Level::advice; }

  friend bool operator==(const Check&, const Check&) = default;
};

/// Texts for the evidence of a check: the first 20, at most 1000 characters of each, and how many more there are. A
/// hostile guest can have millions.
class Samples {
 public:
  void add(std::string_view text);
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// "a, b and 3 more"
  [[nodiscard]] std::string text(std::string_view separator = ", ") const;

 private:
  std::vector<std::string> first_;
  std::size_t count_ = 0;
};

/// A check that did not run, and the reason.
Check skipped(std::string rule, std::string reason);

/// The result as one word for people: "passed", "failed", "skipped", or "advice" for advice that failed.
const char* word_for(const Check& check);

/// Makes all advice required, so that it fails the image.
void make_strict(std::vector<Check>& checks);

/// Returns one object for each check: check, level, status, evidence; source and remedy when it has them. `check` is
/// the rule; scripts find a check by it.
nlohmann::ordered_json to_json(const std::vector<Check>& checks);

/// Reads what to_json() returned. Throws nlohmann::json::exception when it is anything else.
std::vector<Check> checks_from(const nlohmann::json& json);

/// Returns whether no required check failed.
bool is_good(const std::vector<Check>& checks);

/// Returns "12 passed, 1 failed, 3 skipped", and ", 2 advice" when there is any.
std::string summary_of(const std::vector<Check>& checks);

/// Throws Error{verification} that lists the failed checks and their remedies, when a required check failed.
void require(const std::vector<Check>& checks, const std::string& image);

}  // namespace bake::verify
