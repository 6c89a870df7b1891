// What an action throws.
#pragma once

#include <gtest/gtest.h>

#include "bake/base/error.hpp"

namespace bake {

/// The Error that `action` throws; a failure when it throws none.
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
