#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/report/difference.hpp"

namespace bake::report {

/// Returns `text` with each sha256 of 64 hexadecimal digits shortened to its first 12 and "…".
std::string short_digests(std::string_view text);

/// "2026-11-30T20:06:36Z" → "2026-11-30 20:06 UTC"; another text as it is.
std::string date_of(const std::string& iso_time);

/// A field that differs.
struct ChangedField {
  std::string name, a, b;
};

/// Returns the fields of a changed entry that differ; of a check only its status, of a package no origin that is not
/// known.
std::vector<ChangedField> changed_fields(const Change& change);

}  // namespace bake::report
