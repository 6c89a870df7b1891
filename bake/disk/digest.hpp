#pragma once

#include <exception>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "bake/base/file.hpp"

namespace bake {

/// Returns the sha256 of a disk image's file, like sha256sum, but does not read its holes. Throws like digest_of_file.
std::string digest_of_disk(const std::filesystem::path& file);

/// Computes the sha256 of files, one after the other, in another thread, while the caller works on something else.
class BackgroundDigests {
 public:
  /// Starts at once. Throws Error{usage} when a file does not exist or is not a regular file.
  explicit BackgroundDigests(std::vector<std::filesystem::path> files);
  /// Stops the work.
  ~BackgroundDigests();
  BackgroundDigests(const BackgroundDigests&) = delete;
  BackgroundDigests& operator=(const BackgroundDigests&) = delete;

  /// Waits for the end of the work, and returns the digests in the order of the files. Throws like digest_of_disk, and
  /// Error{failed} when a file changed since the constructor.
  const std::vector<std::string>& wait();

 private:
  void work(const std::stop_token& stop);

  std::vector<std::filesystem::path> files_;
  std::vector<FileIdentity> identities_;
  std::vector<std::string> digests_;
  std::exception_ptr error_;
  std::jthread thread_;  // last, because it uses the other members
};

}  // namespace bake
