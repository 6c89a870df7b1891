#pragma once

#include <array>
#include <thread>
#include <vector>

namespace bake {

/// Turns SIGINT, SIGTERM and SIGHUP into an orderly end, for as long as it lives; main() holds the one there is. The
/// signal only sets a flag and ends the child processes (qemu, qemu-img, supermin), so that whatever the job waits for
/// fails, and everything unwinds as after any other failure: partial files go, the appliance goes. When that takes
/// longer than 20 s, the process ends at once. Signals that were ignored when the program started stay ignored (nohup).
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

 private:
  void watch() const;

  std::array<int, 2> pipe_{-1, -1};
  std::thread thread_;
};

/// While one lives, an interruption is its holder's to handle: it asks interrupted() and ends its children in good
/// order; nothing is killed and throw_if_interrupted() does not throw.
class OwnInterruption {
 public:
  OwnInterruption();
  ~OwnInterruption();
  OwnInterruption(const OwnInterruption&) = delete;
  OwnInterruption& operator=(const OwnInterruption&) = delete;
};

/// Whether one of the signals came.
bool interrupted() noexcept;

/// Throws Error{interrupted} once one of the signals came. Loops over much data call it.
void throw_if_interrupted();

/// Processes whose parent is this one, zombies included.
std::vector<int> child_processes();

/// The parent of a process, 0 when it is gone.
int parent_of_process(int pid);

}  // namespace bake
