#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bake {

class Progress;

enum class DigestAlgorithm { md5, sha1, sha256, sha512 };

/// Computes a message digest piece by piece, so that data is hashed while it is read.
class Hasher {
 public:
  explicit Hasher(DigestAlgorithm algorithm = DigestAlgorithm::sha256);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(std::span<const std::byte> data);
  void update(std::string_view data);

  /// Returns the digest of all data so far, in lower-case hexadecimal. Do not use the hasher afterwards.
  [[nodiscard]] std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Lower-case hexadecimal digest of `data`.
std::string digest_of(std::string_view data, DigestAlgorithm algorithm = DigestAlgorithm::sha256);

/// Lower-case hexadecimal digest of a file's content. Throws Error{failed} when it cannot be read.
std::string digest_of_file(const std::filesystem::path& file, DigestAlgorithm algorithm = DigestAlgorithm::sha256);

/// The sha256 of a file; reports how much is read. Throws like digest_of_file.
std::string digest_of_file(const std::filesystem::path& file, Progress& progress);

/// True for 64 lower- or upper-case hexadecimal digits.
bool is_sha256(std::string_view text);

/// A version-5-shaped UUID ("8-4-4-4-12") that depends on `seed` alone: same inputs, same identity.
std::string uuid_from(std::string_view seed);

}  // namespace bake
