#pragma once

#include <string_view>

namespace bake {

/// Where a job says what it is doing. Rooms below the command line never print; they tell this.
class Progress {
 public:
  virtual ~Progress() = default;
  /// A named step begins; the previous one is over.
  virtual void step(std::string_view name) = 0;
  /// A detail of the running step, shown with -v and always logged.
  virtual void detail(std::string_view text) = 0;
  /// Something the user should know although the job goes on.
  virtual void warn(std::string_view text) = 0;
};

/// Says nothing: for tests and for callers that do not care.
class SilentProgress final : public Progress {
 public:
  void step(std::string_view /*name*/) override {}
  void detail(std::string_view /*text*/) override {}
  void warn(std::string_view /*text*/) override {}
};

}  // namespace bake
