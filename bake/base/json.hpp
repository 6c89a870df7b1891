#pragma once

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace bake {

/// Parses a document of another party. Returns a discarded value when it is not JSON, is nested deeper than 64 levels
/// (16 MB of "[" would take 1.2 GB) or has more than 500000 values (16 MB of "{}," would take 400 MB).
template <typename Json = nlohmann::json>
Json parse_untrusted_json(std::string_view text) {
  constexpr int max_depth = 64;
  constexpr std::size_t max_values = 500'000;
  int depth = 0;
  int deepest = 0;
  std::size_t values = 0;  // every value but the first follows one of , [ {
  bool in_string = false;
  for (std::size_t i = 0; i < text.size() && deepest <= max_depth && values <= max_values; ++i) {
    const char c = text[i];
    if (in_string && c == '\\')
      ++i;
    else if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == '[' || c == '{'))
      deepest = std::max(deepest, ++depth);
    else if (!in_string && (c == ']' || c == '}'))
      --depth;
    if (!in_string && (c == ',' || c == '[' || c == '{')) ++values;
  }
  return deepest > max_depth || values > max_values ? Json(nlohmann::json::value_t::discarded)
                                                    : Json::parse(text, nullptr, false);
}

}  // namespace bake
