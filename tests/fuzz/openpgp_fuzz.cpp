// Signatures and keys, armoured or not, against a key ring that holds an Ed25519 key.
#include <cstdint>
#include <string_view>

#include "bake/base/error.hpp"
#include "bake/signature/openpgp.hpp"
#include "tests/support/short_numbers_key.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bake::signature::KeyRing ring = [] {
    bake::signature::KeyRing made;
    made.add(bake::testing::short_numbers_key, "key");
    return made;
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(bake::signature::check_signature(ring, text, "2"));
  if (bake::signature::check_signature(ring, text, "3").state == bake::signature::SignatureState::good)
    __builtin_trap();
  return 0;
}
