// Key files. A mutated file may lose the key, but no file may make the signature of a key that it did not bind count:
// the only signature checked here is by a key whose packets no seed has.
#include <cstdint>
#include <string_view>

#include "bake/base/error.hpp"
#include "bake/ofed/openpgp.hpp"
#include "tests/unit/fixtures/short_numbers_key.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::int64_t now = 1795000000;
  bake::ofed::KeyRing ring(now);
  try {
    ring.add({reinterpret_cast<const char*>(data), size}, "key file");
  } catch (const bake::Error&) {
    return 0;
  }
  for (const auto& key : ring.keys())
    if (key.fingerprint.size() < 40) __builtin_trap();
  // A key that the ring did not get leaves a ring of another key as it is.
  bake::ofed::KeyRing merged(now);
  merged.add(bake::ofed::fixtures::short_numbers_key, "key");
  const auto before = merged.keys().at(0);
  merged.add({reinterpret_cast<const char*>(data), size}, "key file");
  const auto after = merged.keys().at(0);
  if (after.fingerprint != before.fingerprint || after.subkeys != before.subkeys) __builtin_trap();
  return 0;
}
