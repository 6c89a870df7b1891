// Helper for tests: a Progress that keeps its details and warnings.
#pragma once

#include <string>
#include <vector>

#include "bake/base/progress.hpp"

namespace bake::testing {

class RecordingProgress final : public Progress {
 public:
  void step(std::string_view /*name*/) override {}
  void detail(std::string_view text) override { details.emplace_back(text); }
  void warn(std::string_view text) override { warned.emplace_back(text); }

  std::vector<std::string> details;
  std::vector<std::string> warned;
};

}  // namespace bake::testing
