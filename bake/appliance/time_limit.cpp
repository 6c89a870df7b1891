#include "bake/appliance/time_limit.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/error.hpp"

namespace bake::guest {

TimeLimit::TimeLimit(std::chrono::seconds each, std::optional<std::chrono::seconds> all, Clock::time_point start)
    : each_(each), all_(all), start_(start) {}

void TimeLimit::require_time(Clock::time_point now) const {
  if (!all_ || now - start_ < *all_) return;
  throw Error(ErrorKind::failed, fmt::format("looking at the guest: not finished within {} seconds", all_->count()),
              "the guest has too many files, or its programs are too slow; BAKE_SCRIPT_TIMEOUT=SECONDS sets a longer "
              "limit");
}

std::chrono::seconds TimeLimit::next(Clock::time_point now) const {
  require_time(now);
  if (!all_) return each_;
  return std::min(each_, std::chrono::ceil<std::chrono::seconds>(start_ + *all_ - now));
}

}  // namespace bake::guest
