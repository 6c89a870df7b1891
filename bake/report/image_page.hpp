#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/verify/check.hpp"

namespace bake::report {

/// What is known about a finished image, from the files next to it.
struct ImageReport {
  std::string file;                     ///< name of the image
  nlohmann::ordered_json manifest;      ///< OUT.manifest.json
  std::vector<verify::Check> evidence;  ///< verify::check_evidence() with the digest that the manifest names
  std::string signing_key;              ///< the key that the signed provenance names, not verified; or empty
  std::vector<std::string> problems;    ///< of the files: "the image is not there"
};

/// Returns one self-contained HTML page about an image, without a script. The same input gives the same page.
std::string image_page(const ImageReport& image);

/// Returns the sections of that page; the ids of the sections begin with `prefix`.
std::string image_sections(const ImageReport& image, const std::string& prefix);

/// Returns the checks of the manifest. A check of an unknown form is left out.
std::vector<verify::Check> checks_of(const nlohmann::ordered_json& manifest);

/// Returns the words with colours for the result of the checks: "40 passed", "2 advice", …
std::string verdict_of(const std::vector<verify::Check>& checks);

}  // namespace bake::report
