// Any SharedConfig.xml: the parser returns only digits and dots.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "firstboot/sources.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(data, data + size);
  firstboot::Buffer<24> address;
  if (!firstboot::rdma_address({bytes.data(), bytes.size()}, address)) return 0;
  if (address.empty()) std::abort();
  for (const char c : address.view())
    if (!firstboot::is_digit(c) && c != '.') std::abort();
  return 0;
}
