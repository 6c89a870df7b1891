#pragma once

#include <cstdint>
#include <string>

namespace bake {

/// Seconds since 1970 that outputs carry as "now": SOURCE_DATE_EPOCH when it is set (reproducible-builds.org), else the
/// clock. Throws Error{usage} when the variable is no number.
std::int64_t output_time();

/// `seconds` since 1970 as "2026-11-21T01:38:00Z".
std::string iso_time(std::int64_t seconds);

}  // namespace bake
