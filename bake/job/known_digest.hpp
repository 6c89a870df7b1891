#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "bake/base/file.hpp"
#include "bake/disk/digest.hpp"
#include "bake/job/environment.hpp"

namespace bake::job {

/// The sha256 of a disk image: from the cache when the file did not change since its last digest, otherwise computed in
/// the background.
class KnownDigest {
 public:
  /// Throws Error{failed} when the file cannot be read.
  KnownDigest(std::filesystem::path file, const Environment& environment);

  /// Waits for the digest and returns it. Throws like BackgroundDigests::wait.
  const std::string& wait();
  /// The same; reports how much is hashed meanwhile.
  const std::string& wait(Progress& progress);

 private:
  std::filesystem::path file_;
  const Cache& cache_;
  std::optional<FileIdentity> before_;
  std::optional<std::string> known_;
  std::optional<BackgroundDigests> running_;
};

/// Keeps the digest of `file` for the next KnownDigest, as Cache::keep() does.
void keep_digest(const std::filesystem::path& file, const std::optional<FileIdentity>& before,
                 const std::string& sha256, const Cache& cache);

/// Throws Error{untrusted} when the digest of a payload is not the one that the store recorded when it added it.
/// `remedy` removes it from the store.
void check_payload(const std::string& name, const std::string& found, const std::string& sha256,
                   const std::optional<Remedy>& remedy = {});

}  // namespace bake::job
