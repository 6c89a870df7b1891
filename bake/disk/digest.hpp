#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bake/base/file.hpp"
#include "bake/base/progress.hpp"

namespace bake {

/// Returns the sha256 of a disk image's file, like sha256sum, but does not read its holes. Throws like digest_of_file.
std::string digest_of_disk(const std::filesystem::path& file);

/// The same; reports how much is hashed.
std::string digest_of_disk(const std::filesystem::path& file, Progress& progress);

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
  /// The same; reports how much is hashed meanwhile.
  const std::vector<std::string>& wait(Progress& progress);

 private:
  void work(const std::stop_token& stop);

  std::vector<std::filesystem::path> files_;
  std::vector<FileIdentity> identities_;
  std::uint64_t total_ = 0;  ///< bytes
  std::atomic<std::uint64_t> done_ = 0;
  std::mutex mutex_;
  std::condition_variable finish_;
  bool finished_ = false;
  std::vector<std::string> digests_;
  std::exception_ptr error_;
  std::jthread thread_;  // last, because it uses the other members
};

}  // namespace bake
