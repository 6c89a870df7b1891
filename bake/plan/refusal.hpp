#pragma once

#include "bake/base/error.hpp"

namespace bake::plan {

/// A reason against the plan. `kind` decides the exit code.
struct Refusal {
  ErrorKind kind = ErrorKind::incompatible;
  Problem problem;

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

}  // namespace bake::plan
