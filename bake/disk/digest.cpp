#include "bake/disk/digest.hpp"

#include <array>
#include <chrono>
#include <fmt/format.h>
#include <functional>
#include <stop_token>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/disk/walk.hpp"

namespace bake {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::byte, std::size_t{64} << 10U> zeros{};

/// Thrown where the caller no longer wants the digest.
struct Stopped {};

using Report = std::function<void(std::uint64_t)>;  ///< gets the bytes that are hashed in addition

constexpr std::chrono::milliseconds report_interval{250};
constexpr std::uint64_t report_bytes = std::uint64_t{16} << 20U;

void hash_zeros(Hasher& hash, std::uint64_t length, const std::stop_token& stop, const Report& report) {
  for (std::uint64_t part = 0; length > 0; length -= part) {
    throw_if_interrupted();
    if (stop.stop_requested()) throw Stopped();
    part = std::min<std::uint64_t>(length, zeros.size());
    hash.update(std::span(zeros).first(part));
    report(part);
  }
}

std::string digest_until(const fs::path& file, const std::stop_token& stop, const Report& report) {
  Hasher hash;
  walk(
      open_image(file), file, [&](std::uint64_t length) { hash_zeros(hash, length, stop, report); },
      [&](std::uint64_t /*offset*/, std::span<const std::byte> data) {
        if (stop.stop_requested()) throw Stopped();
        hash.update(data);
        report(data.size());
      });
  return hash.hex();
}

FileIdentity require_identity(const fs::path& file) {
  static_cast<void>(open_image(file));  // names what is wrong with the file
  if (const auto identity = identity_of(file)) return *identity;
  throw Error(ErrorKind::failed, fmt::format("hashing '{}': it is not a regular file", file.string()));
}

}  // namespace

std::string digest_of_disk(const fs::path& file) {
  return digest_until(file, {}, [](std::uint64_t /*bytes*/) {});
}

std::string digest_of_disk(const fs::path& file, Progress& progress) {
  const auto total = require_identity(file).size;
  std::uint64_t done = 0;
  std::uint64_t reported = 0;
  return digest_until(file, {}, [&](std::uint64_t bytes) {
    done += bytes;
    if (done - reported < report_bytes && done != total) return;
    reported = done;
    progress.work(done, total, "bytes");
  });
}

BackgroundDigests::BackgroundDigests(std::vector<fs::path> files) : files_(std::move(files)) {
  for (const auto& file : files_) {
    identities_.push_back(require_identity(file));
    total_ += identities_.back().size;
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

BackgroundDigests::~BackgroundDigests() = default;  // a jthread asks for the stop and joins

void BackgroundDigests::work(const std::stop_token& stop) {
  try {
    for (std::size_t i = 0; i < files_.size(); ++i) {
      digests_.push_back(digest_until(files_[i], stop, [this](std::uint64_t bytes) { done_ += bytes; }));
      if (identity_of(files_[i]) != identities_[i])
        throw Error(ErrorKind::failed, fmt::format("hashing '{}': it changed meanwhile", files_[i].string()),
                    "stop what writes to it, and try again");
    }
  } catch (const Stopped&) {  // the digests are not needed any more
  } catch (...) {
    error_ = std::current_exception();
  }
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  finish_.notify_all();
}

const std::vector<std::string>& BackgroundDigests::wait(Progress& progress) {
  for (std::unique_lock lock(mutex_); !finish_.wait_for(lock, report_interval, [this] { return finished_; });)
    progress.work(done_, total_, "bytes");
  return wait();
}

const std::vector<std::string>& BackgroundDigests::wait() {
  if (thread_.joinable()) thread_.join();
  if (error_) std::rethrow_exception(error_);
  return digests_;
}

}  // namespace bake
