// repomd.xml, primary.xml and rpm headers from a bundle. The first byte chooses.
#include <cstdint>
#include <string>

#include "bake/base/error.hpp"
#include "bake/packages/rpm_header.hpp"
#include "bake/packages/rpm_index.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 3) {
      case 0:
        static_cast<void>(bake::bundle::parse_repomd(text, "fuzz"));
        break;
      case 1:
        static_cast<void>(bake::bundle::parse_primary(text, "fuzz"));
        break;
      default:
        const bake::signature::KeyRing ring;
        auto facts = bake::bundle::read_rpm(bake::archive::source_of(text), ring, "fuzz");
        facts.package.file = {"x.rpm", 1, {{bake::DigestAlgorithm::sha256, std::string(64, 'a')}}};
        if (bake::bundle::parse_primary(bake::bundle::primary_of({facts}), "made").size() > 1) __builtin_trap();
    }
  } catch (const bake::Error&) {
  }
  return 0;
}
