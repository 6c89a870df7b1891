#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "bake/base/file.hpp"
#include "bake/job/content_key.hpp"

namespace bake::fleet {

/// A content digest and the identity the file had when it was computed.
struct KnownFile {
  std::string sha256;
  std::optional<FileIdentity> identity;  ///< empty: not known, so the file must be hashed
};

/// The result of one image in `bake batch`, in the sidecar file OUT.result.json. Written atomically after the bake has
/// ended; a missing or truncated file means "not done".
struct ImageResult {
  int status = 0;       ///< exit code of the bake
  std::string message;  ///< the error of a failed bake
  std::string hint;
  std::string run;      ///< the id of the `bake batch` run
  std::string host;     ///< on which it ran
  std::string started;  ///< ISO time
  double seconds = 0;   ///< duration
  std::string ofed, os, kernel;
  std::optional<job::KeyParts> key;  ///< absent when the inputs were not known before the bake
  KnownFile base, output;
};

nlohmann::ordered_json to_json(const ImageResult& result);

/// Reads what to_json() returned; empty for any other text.
std::optional<ImageResult> parse_result(const std::string& text);

/// Returns the content of the result file; empty when there is no valid file.
std::optional<ImageResult> read_result(const std::filesystem::path& file);
void write_result(const std::filesystem::path& file, const ImageResult& result);

}  // namespace bake::fleet
