#pragma once

#include <optional>
#include <string>

#include "bake/base/file.hpp"
#include "bake/base/progress.hpp"

namespace bake::fleet {

/// The progress events of a child process: `bake --events N` sends each one as a packet to the socket N.
class ChildEvents {
 public:
  /// Makes the two ends of the socket. Throws Error{failed}.
  ChildEvents();

  /// Returns the end of the child. Close it in this process after the start.
  [[nodiscard]] const FileDescriptor& child_end() const { return child_; }
  void close_child_end() { child_ = {}; }

  /// Reads what has arrived, without waiting. Returns the step that the child runs, if that changed.
  std::optional<Progress::PartStep> read();

 private:
  FileDescriptor parent_, child_;
  Progress::PartStep step_;
};

/// Reads one event into `step`. Returns whether it changed; an event of another kind, or anything else, changes
/// nothing.
bool apply_event(const std::string& event, Progress::PartStep& step);

}  // namespace bake::fleet
