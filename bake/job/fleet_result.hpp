#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace bake::job {

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

/// What one image depends on, each part a digest. Equal parts, and there is nothing to do.
struct KeyParts {
  std::string base;    ///< sha256 of the base's content
  std::string recipe;  ///< what the recipe says, without comments, paths and the gallery
  std::string driver;  ///< bundle with its payload and trust, its repository, extra packages; or inbox
  std::string matrix;  ///< every row, overlays included
  std::string bake;    ///< version, and the ib-firstboot it carries

  friend bool operator==(const KeyParts&, const KeyParts&) = default;
};

/// The content address of an image: one digest over all parts.
std::string key_of(const KeyParts& parts);

/// The first part that differs, for people: "the base", "the recipe", "the driver bundle", "the matrix", "bake
/// itself"; empty when none does.
std::string first_difference(const KeyParts& before, const KeyParts& now);

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
  std::optional<KeyParts> key;  ///< absent when what the image depends on could not be said beforehand
  KnownFile base, output;
};

nlohmann::ordered_json to_json(const ImageResult& result);

/// Reads what to_json wrote; empty for anything else.
std::optional<ImageResult> parse_result(const std::string& text);

/// The result file, if there is a readable one.
std::optional<ImageResult> read_result(const std::filesystem::path& file);
void write_result(const std::filesystem::path& file, const ImageResult& result);

}  // namespace bake::job
