#include "bake/verify/check.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

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

void Samples::add(std::string_view text) {
  constexpr std::size_t max_texts = 20;
  constexpr std::size_t max_length = 1000;
  if (++count_ > max_texts) return;
  first_.emplace_back(text.substr(0, max_length));
  if (text.size() > max_length) first_.back() += " …";
}

std::string Samples::text(std::string_view separator) const {
  return join(first_, separator) +
         (count_ > first_.size() ? fmt::format(" and {} more", count_ - first_.size()) : std::string());
}

Check skipped(std::string rule, std::string reason) { return {std::move(rule), Status::skipped, std::move(reason)}; }

const char* word_for(const Check& check) { return check.advises() ? "advice" : name_of(check.status); }

void make_strict(std::vector<Check>& checks) {
  for (auto& check : checks) check.level = Level::required;
}

nlohmann::ordered_json to_json(const std::vector<Check>& checks) {
  auto json = nlohmann::ordered_json::array();
  for (const auto& check : checks) {
    json.push_back({{"check", check.rule},
                    {"level", check.level == Level::required ? "required" : "advice"},
                    {"status", name_of(check.status)},
                    {"evidence", check.evidence}});
    if (!check.source.empty()) json.back()["source"] = check.source;
    if (!check.remedy.empty()) json.back()["remedy"] = check.remedy;
  }
  return json;
}

std::vector<Check> checks_from(const nlohmann::json& json) {
  std::vector<Check> checks;
  for (const auto& item : json) {
    const auto word = item.at("status").get<std::string>();
    const auto status = word == "passed" ? Status::passed : word == "skipped" ? Status::skipped : Status::failed;
    Check check(item.at("check").get<std::string>(), status, item.at("evidence").get<std::string>());
    check.level = item.at("level") == "advice" ? Level::advice : Level::required;
    check.source = item.value("source", "");
    check.remedy = item.value("remedy", "");
    checks.push_back(std::move(check));
  }
  return checks;
}

bool is_good(const std::vector<Check>& checks) {
  return std::none_of(checks.begin(), checks.end(), [](const auto& check) { return check.failed(); });
}

std::string summary_of(const std::vector<Check>& checks) {
  const auto count = [&](std::string_view word) {
    return std::count_if(checks.begin(), checks.end(), [&](const auto& check) { return word_for(check) == word; });
  };
  const auto advice = count("advice");
  return fmt::format("{} passed, {} failed, {} skipped{}", count("passed"), count("failed"), count("skipped"),
                     advice == 0 ? "" : fmt::format(", {} advice", advice));
}

void require(const std::vector<Check>& checks, const std::string& image) {
  std::vector<Problem> problems;
  for (const auto& check : checks)
    if (check.failed()) problems.push_back({check.rule, check.evidence, check.remedy});
  throw_if_any(ErrorKind::verification, fmt::format("verifying '{}'", image), problems);
}

}  // namespace bake::verify
