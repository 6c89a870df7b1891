// Key files. With any content, they leave the other keys of a ring and their subkeys as they are.
#include <cstdint>
#include <string_view>

#include "bake/base/error.hpp"
#include "bake/signature/openpgp.hpp"
#include "tests/support/short_numbers_key.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::int64_t now = 1795000000;
  bake::signature::KeyRing ring(now);
  try {
    ring.add({reinterpret_cast<const char*>(data), size}, "key file");
  } catch (const bake::Error&) {
    return 0;
  }
  for (const auto& key : ring.keys())
    if (key.fingerprint.size() < 40) __builtin_trap();
  bake::signature::KeyRing merged(now);
  merged.add(bake::testing::short_numbers_key, "key");
  const auto before = merged.keys().at(0);
  merged.add({reinterpret_cast<const char*>(data), size}, "key file");
  const auto after = merged.keys().at(0);
  if (after.fingerprint != before.fingerprint || after.subkeys != before.subkeys) __builtin_trap();
  return 0;
}
