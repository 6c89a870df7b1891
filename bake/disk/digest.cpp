#include "bake/disk/digest.hpp"

#include <array>
#include <fmt/format.h>
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

void hash_zeros(Hasher& hash, std::uint64_t length, const std::stop_token& stop) {
  for (std::uint64_t part = 0; length > 0; length -= part) {
    throw_if_interrupted();
    if (stop.stop_requested()) throw Stopped();
    part = std::min<std::uint64_t>(length, zeros.size());
    hash.update(std::span(zeros).first(part));
  }
}

std::string digest_until(const fs::path& file, const std::stop_token& stop) {
  Hasher hash;
  walk(
      open_image(file), file, [&](std::uint64_t length) { hash_zeros(hash, length, stop); },
      [&](std::uint64_t /*offset*/, std::span<const std::byte> data) {
        if (stop.stop_requested()) throw Stopped();
        hash.update(data);
      });
  return hash.hex();
}

FileIdentity require_identity(const fs::path& file) {
  static_cast<void>(open_image(file));  // names what is wrong with the file
  if (const auto identity = identity_of(file)) return *identity;
  throw Error(ErrorKind::failed, fmt::format("hashing '{}': it is not a regular file", file.string()));
}

}  // namespace

std::string digest_of_disk(const fs::path& file) { return digest_until(file, {}); }

BackgroundDigests::BackgroundDigests(std::vector<fs::path> files) : files_(std::move(files)) {
  for (const auto& file : files_) identities_.push_back(require_identity(file));
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

BackgroundDigests::~BackgroundDigests() = default;  // a jthread asks for the stop and joins

void BackgroundDigests::work(const std::stop_token& stop) {
  try {
    for (std::size_t i = 0; i < files_.size(); ++i) {
      digests_.push_back(digest_until(files_[i], stop));
      if (identity_of(files_[i]) != identities_[i])
        throw Error(ErrorKind::failed, fmt::format("hashing '{}': it changed meanwhile", files_[i].string()),
                    "stop what writes to it, and try again");
    }
  } catch (const Stopped&) {  // the digests are not needed any more
  } catch (...) {
    error_ = std::current_exception();
  }
}

const std::vector<std::string>& BackgroundDigests::wait() {
  if (thread_.joinable()) thread_.join();
  if (error_) std::rethrow_exception(error_);
  return digests_;
}

}  // namespace bake
