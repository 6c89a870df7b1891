// Any os-release, redhat-release, ib-firstboot.conf and sysfs attribute.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "firstboot/rates.hpp"
#include "firstboot/sources.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(data, data + size);
  const std::size_t cut = bytes.find('\0') == std::string::npos ? bytes.size() : bytes.find('\0');
  const firstboot::View os_release(bytes.data(), cut);
  const firstboot::View redhat = skip(firstboot::View(bytes.data(), bytes.size()), cut);
  firstboot::Release release;
  if (parse_release(os_release, redhat, release) && (release.id.empty() || release.version.empty())) std::abort();
  const auto facts = firstboot::parse_baked_facts(os_release);
  if (facts.wait > 240 || find(facts.ofed, "/") >= 0) std::abort();
  is_minor_update(facts.os, release);
  firstboot::parse_rate(os_release);
  unsigned value = 0;
  firstboot::parse_hex(os_release, value);
  return 0;
}
