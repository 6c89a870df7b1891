#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "bake/job/content_key.hpp"

namespace bake::fleet {

/// A file as git's index knows one: while these agree, its content is taken to be what was hashed. No device number:
/// the nodes of a cluster see one shared file system under different ones.
struct FileIdentity {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// The identity of a file now; empty when it is not there.
std::optional<FileIdentity> identity_of(const std::filesystem::path& file);

/// A content digest and the identity the file had when it was computed.
struct KnownFile {
  std::string sha256;
  std::optional<FileIdentity> identity;  ///< empty: not known for sure, hash it
};

/// What `bake batch` remembers of one image, beside it as OUT.result.json. Written whole or not at all, and only after
/// the bake has ended; a missing or torn one means "not done".
struct ImageResult {
  int status = 0;       ///< exit code of the bake
  std::string message;  ///< of a failure: its error
  std::string hint;
  std::string run;      ///< which `bake batch` it was
  std::string host;     ///< where
  std::string started;  ///< ISO time
  double seconds = 0;   ///< how long
  std::string ofed, os, kernel;
  std::optional<job::KeyParts> key;  ///< absent when what the image depends on could not be said beforehand
  KnownFile base, output;
};

nlohmann::ordered_json to_json(const ImageResult& result);

/// Reads what to_json wrote; empty for anything else.
std::optional<ImageResult> parse_result(const std::string& text);

/// The result file, if there is a readable one.
std::optional<ImageResult> read_result(const std::filesystem::path& file);
void write_result(const std::filesystem::path& file, const ImageResult& result);

}  // namespace bake::fleet
