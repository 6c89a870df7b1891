// Package databases and symvers come from the guest: hostile input. The first byte selects the parser.
#include <cstdint>
#include <string_view>

#include "bake/inspect/kernels.hpp"
#include "bake/resolve/installed.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<bake::Problem> problems;
  switch (data[0] % 3) {
    case 0:
      bake::resolve::read_rpm_dump(text, problems);
      break;
    case 1:
      bake::resolve::read_dpkg_status(text, "amd64", problems);
      break;
    default:
      bake::guest::parse_symvers(text);
  }
  return 0;
}
