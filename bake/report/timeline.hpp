#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bake::report {

/// Returns the steps of a bake as a picture: one bar for each, below each other, at the time at which it began. Each
/// step has a name and its seconds. Returns nothing when the steps took no time.
std::string timeline(const std::vector<std::pair<std::string, double>>& steps);

/// 0.135 → "0.1 s", 83 → "1 min 23 s".
std::string duration(double seconds);

}  // namespace bake::report
