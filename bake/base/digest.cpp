#include "bake/base/digest.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fcntl.h>
#include <fmt/format.h>
#include <functional>
#include <openssl/evp.h>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/progress.hpp"

namespace bake {
namespace {

const EVP_MD* md_of(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::md5:
      return EVP_md5();
    case DigestAlgorithm::sha1:
      return EVP_sha1();
    case DigestAlgorithm::sha256:
      return EVP_sha256();
    case DigestAlgorithm::sha512:
      return EVP_sha512();
  }
  return EVP_sha256();
}

/// `report` gets the number of bytes that are read, after each part.
std::string digest_of_file(const std::filesystem::path& file, DigestAlgorithm algorithm,
                           const std::function<void(std::uint64_t)>& report) {
  Hasher hasher(algorithm);
  const FileDescriptor fd = open_file(file, O_RDONLY);
  std::vector<std::byte> buffer(std::size_t{1} << 20U);
  for (std::uint64_t done = 0;;) {
    const auto count = read_some(fd, buffer, file);
    if (count == 0) return hasher.hex();
    hasher.update(std::span(buffer).first(count));
    report(done += count);
  }
}

}  // namespace

struct Hasher::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Hasher::Hasher(DigestAlgorithm algorithm) : state_(std::make_unique<State>()) {
  if (!state_->context || EVP_DigestInit_ex(state_->context.get(), md_of(algorithm), nullptr) != 1)
    throw Error(ErrorKind::environment, "starting a digest: the OpenSSL library does not offer the algorithm",
                "a FIPS-only OpenSSL has no MD5; bake needs it to read old package indexes");
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::span<const std::byte> data) {
  EVP_DigestUpdate(state_->context.get(), data.data(), data.size());
}

void Hasher::update(std::string_view data) { update(std::as_bytes(std::span(data.data(), data.size()))); }

std::string Hasher::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int length = 0;
  EVP_DigestFinal_ex(state_->context.get(), bytes.data(), &length);
  std::string text;
  for (unsigned int i = 0; i < length; ++i) text += fmt::format("{:02x}", bytes.at(i));
  return text;
}

std::string digest_of(std::string_view data, DigestAlgorithm algorithm) {
  Hasher hasher(algorithm);
  hasher.update(data);
  return hasher.hex();
}

std::string digest_of_file(const std::filesystem::path& file, Progress& progress) {
  std::error_code unknown;
  const auto size = std::filesystem::file_size(file, unknown);
  return digest_of_file(file, DigestAlgorithm::sha256, [&](std::uint64_t done) {
    if (!unknown) progress.work(done, size, "bytes");
  });
}

std::string digest_of_file(const std::filesystem::path& file, DigestAlgorithm algorithm) {
  return digest_of_file(file, algorithm, [](std::uint64_t /*done*/) {});
}
bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

std::string uuid_from(std::string_view seed) {
  auto hex = digest_of(seed, DigestAlgorithm::sha256).substr(0, 32);
  hex[12] = '5';
  hex[16] = "89ab"[static_cast<std::size_t>(hex[16]) % 4];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

}  // namespace bake
