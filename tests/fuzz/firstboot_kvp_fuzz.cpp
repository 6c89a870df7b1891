// Any file as a Hyper-V key-value pool: the raw bytes, and records of 2560 bytes made from short parts of the input.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "firstboot/sources.hpp"

namespace {

void look_up(const std::string& pool) {
  firstboot::Buffer<128> value;
  for (const char* key : {"IPoIB_Data", "NdDriverVersion", ""})
    if (firstboot::kvp_value({pool.data(), pool.size()}, key, value) && value.truncated()) std::abort();
  if (firstboot::kvp_value({pool.data(), pool.size()}, "IPoIB_Data", value) && firstboot::ipoib_pairs(value) > 64)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(data, data + size);
  look_up(bytes);
  firstboot::ipoib_pairs({bytes.data(), bytes.size()});
  std::string pool;
  for (std::size_t at = 0; at < bytes.size(); at += 64) {
    std::string key = bytes.substr(at, 16);
    std::string value = bytes.substr(std::min(at + 16, bytes.size()), 48);
    key = key.substr(0, key.find('\n'));
    key.resize(512);
    value.resize(2048);
    pool += key + value;
  }
  look_up(pool);
  return 0;
}
