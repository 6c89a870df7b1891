#include "bake/appliance/kernel_log.hpp"

#include <fmt/format.h>

#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

bool is_lost_write(std::string_view line) {
  const auto has = [line](std::string_view words) { return line.find(words) != std::string_view::npos; };
  return has(" error, dev sd") && !has("(READ)") && !has("(DISCARD)") && !has("not supported");
}

/// "[   12.345678] text" without the part in brackets.
std::string_view without_time(std::string_view line) {
  return line.starts_with('[') && line.find(']') != std::string_view::npos ? trim(line.substr(line.find(']') + 1))
                                                                           : trim(line);
}

}  // namespace

bool is_of_device(std::string_view line, std::string_view device) {
  const auto name = device.substr(device.rfind('/') + 1);
  return line.find(fmt::format(" dev {},", name)) != std::string_view::npos;
}

std::string find_lost_write(std::string_view log) {
  for (const auto line : each_line(log))
    if (is_lost_write(line)) return std::string(without_time(line));
  return {};
}

}  // namespace bake::guest
