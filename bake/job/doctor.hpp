#pragma once

#include <string>
#include <vector>

namespace bake::job {

/// One thing a machine needs to bake.
struct Diagnosis {
  enum class Verdict { ok, warning, problem };
  std::string what;
  Verdict verdict = Verdict::ok;
  std::string found;
  std::string fix;  ///< what to do, empty when all is well
};

/// Looks at this machine without starting the appliance: tools, kernel for the appliance, KVM, XFS, space.
std::vector<Diagnosis> examine_machine();

}  // namespace bake::job
