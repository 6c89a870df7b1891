#pragma once

#include <cstdint>
#include <string>

namespace bake {

/// Returns the time for outputs, in seconds since 1970: SOURCE_DATE_EPOCH when it is set (reproducible-builds.org),
/// otherwise the clock. Throws Error{usage} when the variable is not a number.
std::int64_t output_time();

/// Returns whether SOURCE_DATE_EPOCH is set: outputs must then not depend on the clock.
bool is_time_given();

/// `seconds` since 1970 as "2026-11-21T01:38:00Z".
std::string iso_time(std::int64_t seconds);

}  // namespace bake
