// Helper for tests: the Error that an action throws.
#pragma once

#include <gtest/gtest.h>

#include "bake/base/error.hpp"

namespace bake {

/// Returns the Error that `action` throws; the test fails when it throws nothing.
template <typename Action>
Error error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing thrown";
  return {ErrorKind::bug, "nothing thrown"};
}

}  // namespace bake
