#pragma once

#include <memory>

#include "bake/cli/context.hpp"
#include "bake/job/environment.hpp"

namespace bake::cli {

/// The real environment of a job: built-in matrix and overlays, the store on disk, libguestfs.
class RealEnvironment {
 public:
  explicit RealEnvironment(Context& context);

  [[nodiscard]] job::Environment& get() { return environment_; }

 private:
  matrix::Matrix matrix_;
  store::Store store_;
  job::Environment environment_;
};

}  // namespace bake::cli
