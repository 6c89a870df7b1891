#pragma once

#include <string_view>

namespace bake {

/// Receives the messages of a job about its work. Rooms below cli never print; they call this interface.
class Progress {
 public:
  virtual ~Progress() = default;
  /// A named step begins; the previous one is over.
  virtual void step(std::string_view name) = 0;
  /// A detail of the running step, shown with -v and always logged.
  virtual void detail(std::string_view text) = 0;
  /// A warning: the user should know it, and the job continues.
  virtual void warn(std::string_view text) = 0;
};

/// Prints nothing: for tests and for callers that need no messages.
class SilentProgress final : public Progress {
 public:
  void step(std::string_view /*name*/) override {}
  void detail(std::string_view /*text*/) override {}
  void warn(std::string_view /*text*/) override {}
};

}  // namespace bake
