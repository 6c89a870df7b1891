#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bake::signature::trailer {

// The end of a signed kernel module: signature, 12 bytes of information, magic (torvalds/linux, scripts/sign-file.c;
// before 4.3 scripts/sign-file, in Perl).

inline constexpr std::string_view magic = "~Module signature appended~\n";
inline constexpr std::size_t info_size = 12;
inline constexpr std::uint8_t algorithm_rsa = 1;
inline constexpr std::uint8_t id_x509 = 1;
inline constexpr std::uint8_t id_cms = 2;

/// struct module_signature.
struct Info {
  std::uint8_t algorithm = 0;     ///< 0 with id_cms
  std::uint8_t hash = 0;          ///< 0 with id_cms
  std::uint8_t id_type = id_cms;  ///< id_x509 or id_cms
  std::uint8_t signer_size = 0;   ///< 0 with id_cms
  std::uint8_t key_id_size = 0;   ///< 0 with id_cms
  std::uint32_t signature_size = 0;
};

/// A hash by its name in CONFIG_MODULE_SIG_HASH and its number in the legacy form (enum pkey_hash_algo, linux v3.7,
/// include/crypto/public_key.h).
struct Hash {
  std::string_view name;
  std::uint8_t legacy;
};
inline constexpr std::array<Hash, 5> hashes{{{"sha1", 2}, {"sha256", 4}, {"sha384", 5}, {"sha512", 6}, {"sha224", 7}}};

/// Reads `info_size` bytes.
inline Info read_info(std::string_view bytes) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
  Info info{byte(0), byte(1), byte(2), byte(3), byte(4)};
  for (std::size_t at = 8; at < info_size; ++at) info.signature_size = info.signature_size << 8U | byte(at);
  return info;
}

/// Returns `info_size` bytes: five numbers, three zeros, the size in big-endian order.
inline std::string write_info(const Info& info) {
  std::string bytes;
  for (const auto byte : {info.algorithm, info.hash, info.id_type, info.signer_size, info.key_id_size})
    bytes += static_cast<char>(byte);
  bytes += std::string(3, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(info.signature_size >> shift & 0xffU);
  return bytes;
}

}  // namespace bake::signature::trailer
