// Signatures and keys, armoured or not, against a key ring that holds an Ed25519 key.
#include <cstdint>
#include <string_view>

#include "bake/base/error.hpp"
#include "bake/ofed/openpgp.hpp"

namespace {

constexpr std::string_view key = R"(-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawEUkxYJKwYBBAHaRw8BAQdAXw5CFUQYsYTFfZoQZoQPE7EJYb0hZmMTtR1b
t6QRmXW0DVNob3J0IE51bWJlcnOIjwQTFggAOBYhBGpt0/ArWKe7FVNLvlN5aE8r
TBpNBQJrARSTAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEFN5aE8rTBpN
kcYA/29rT8qi6mztb43y5CSghH5Wx9LlfCLd3PaFEtvU3S+FAPdNdzHOEZaPxJbs
GEhCPqQ2l9ADLILl6N6hVPp+qdUF
=VY3t
-----END PGP PUBLIC KEY BLOCK-----
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bake::ofed::KeyRing ring = [] {
    bake::ofed::KeyRing made;
    made.add(key, "key");
    return made;
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(bake::ofed::check_signature(ring, text, "2"));
  if (bake::ofed::check_signature(ring, text, "3").state == bake::ofed::SignatureState::good) __builtin_trap();
  return 0;
}
