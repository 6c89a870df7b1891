// Shared by the tests of reports and differences: manifests of two baked stand-ins, shortened.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bake/base/file.hpp"
#include "bake/base/html.hpp"
#include "bake/base/text.hpp"

namespace bake::testing {

/// Returns the manifest of the image "ubuntu" or "centos" of tests/unit/fixtures/report.
inline nlohmann::ordered_json manifest_of(const std::string& name) {
  return nlohmann::ordered_json::parse(
      read_text(std::string(SOURCE_DIR "/tests/unit/fixtures/report/") + name + ".vhd.manifest.json"));
}

/// Returns a page without its style sheet and the version of bake, for golden files.
inline std::string without_style(const std::string& html) {
  return replace_all(replace_all(html, std::string(style_sheet()), "STYLE\n"), "content=\"bake " BAKE_VERSION,
                     "content=\"bake VERSION");
}

/// Returns `json` with a text that is markup in place of every string.
inline nlohmann::ordered_json hostile(const nlohmann::ordered_json& json) {
  constexpr const char* markup = R"(<script>alert(1)</script>"'><img src=x onerror=y>)";
  if (json.is_string()) return markup;
  if (!json.is_structured()) return json;
  auto result = json.is_array() ? nlohmann::ordered_json::array() : nlohmann::ordered_json::object();
  for (const auto& [key, value] : json.items())
    if (json.is_array())
      result.push_back(hostile(value));
    else
      result[key] = hostile(value);
  return result;
}

}  // namespace bake::testing
