#include "bake/base/time.hpp"

#include <charconv>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <string_view>

#include "bake/base/error.hpp"

namespace bake {

std::int64_t output_time() {
  const char* text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr) return std::time(nullptr);
  const std::string_view view(text);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), seconds);
  if (error != std::errc{} || end != view.data() + view.size() || seconds < 0)
    throw Error(ErrorKind::usage, fmt::format("reading SOURCE_DATE_EPOCH '{}': not a number of seconds", view));
  return seconds;
}

bool is_time_given() { return std::getenv("SOURCE_DATE_EPOCH") != nullptr; }

std::string iso_time(std::int64_t seconds) {
  const std::time_t when = seconds;
  std::tm parts{};
  gmtime_r(&when, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace bake
