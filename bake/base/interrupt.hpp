#pragma once

#include <array>
#include <thread>
#include <vector>

namespace bake {

/// Turns SIGINT, SIGTERM and SIGHUP into a clean end while this object exists; main() has the only one. The signal only
/// sets a flag and ends the child processes (qemu, qemu-img, supermin). The call that the job waits for then fails, and
/// the job ends as after any other failure: it removes its partial files and ends the appliance. When this takes longer
/// than 20 s, the process ends at once. A file that is larger than the process may write is an error, not a signal.
/// Signals that were ignored when the program started stay ignored (nohup).
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

/// While an object of this class exists, its owner handles an interruption: it calls interrupted() and ends its
/// children cleanly. Nothing is killed and throw_if_interrupted() does not throw.
class OwnInterruption {
 public:
  OwnInterruption();
  ~OwnInterruption();
  OwnInterruption(const OwnInterruption&) = delete;
  OwnInterruption& operator=(const OwnInterruption&) = delete;
};

/// Returns true after one of the signals.
bool interrupted() noexcept;

/// Throws Error{interrupted} after one of the signals. Loops over much data call it.
void throw_if_interrupted();

/// Returns the processes whose parent is this process, zombies included.
std::vector<int> child_processes();

/// Returns the parent of a process, or 0 when the process has ended.
int parent_of_process(int pid);

}  // namespace bake
