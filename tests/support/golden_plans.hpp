#pragma once

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace bake::testing {

using NamedPlan = std::pair<std::string, nlohmann::ordered_json>;

/// Returns several similar plans as one JSON text that is short to read: the first plan in full, and for each other
/// plan its differences from the first as a JSON Patch (RFC 6902), one operation a line. Fails the test when a patch
/// does not turn the first plan into the other one.
inline std::string plans_as_differences(const std::vector<NamedPlan>& plans) {
  const auto& [base, plan] = plans.front();
  auto text = nlohmann::ordered_json{{"base", base}, {"plan", plan}}.dump(1);
  text.resize(text.size() - std::string_view("\n}").size());
  text += ",\n \"differences\": {";
  for (std::size_t i = 1; i < plans.size(); ++i) {
    const auto& [name, other] = plans[i];
    const auto patch = nlohmann::ordered_json::diff(plan, other);
    EXPECT_EQ(nlohmann::json(plan.patch(patch)), nlohmann::json(other)) << name;
    text += (i == 1 ? "\n  " : ",\n  ") + nlohmann::json(name).dump() + ": [";
    for (std::size_t number = 0; number < patch.size(); ++number)
      text += (number == 0 ? "\n   " : ",\n   ") + patch[number].dump();
    text += "\n  ]";
  }
  return text + "\n }\n}\n";
}

}  // namespace bake::testing
