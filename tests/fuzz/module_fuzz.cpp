// Kernel modules from a bundle: modinfo, imported and exported symbol versions.
#include <cstdint>
#include <string_view>

#include "bake/base/error.hpp"
#include "bake/guest/module_elf.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    static_cast<void>(bake::guest::read_module({reinterpret_cast<const char*>(data), size}, "/lib/modules/K/x.ko"));
  } catch (const bake::Error&) {
  }
  return 0;
}
