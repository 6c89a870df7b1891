#pragma once

#include <string>
#include <vector>

namespace bake::cli {

/// One thing a machine needs to bake.
struct Diagnosis {
  enum class Level { ok, warning, problem };
  std::string what;
  Level level = Level::ok;
  std::string found;
  std::string fix;  ///< what to do, empty when all is well
};

/// Looks at this machine without starting the appliance: tools, kernel for the appliance, KVM, XFS, space.
std::vector<Diagnosis> check_machine();

}  // namespace bake::cli
