#include "bake/base/interrupt.hpp"

#include <chrono>
#include <csignal>
#include <gtest/gtest.h>
#include <iostream>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"

namespace bake {
namespace {

constexpr int success = 42;

/// Sends this process a signal while it waits for `sleep SECONDS`. Returns the program's status.
int status_of_program_during(int signal, const char* seconds) {
  std::thread sender([signal] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ::kill(::getpid(), signal);
  });
  const int status = run_program({"sleep", seconds}).status;
  sender.join();
  return status;
}

bool reading_throws() {
  try {
    read_text("/proc/self/comm");
    return false;
  } catch (const Error& error) {
    return error.kind() == ErrorKind::interrupted;
  }
}

TEST(InterruptDeathTest, EndsChildrenAndThrowsAfterASignal) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    EXPECT_EXIT(
        {
          ::signal(signal, SIG_DFL);  // ignored where a shell started the tests in its background
          const InterruptWatch watch;
          const bool fine = !interrupted() && !reading_throws() &&
                            status_of_program_during(signal, "60") == 128 + SIGKILL && interrupted() &&
                            reading_throws();
          ::_exit(fine ? success : 1);
        },
        testing::ExitedWithCode(success), "");
}

TEST(InterruptDeathTest, LeavesChildrenToAnOwner) {
  EXPECT_EXIT(
      {
        const InterruptWatch watch;
        const OwnInterruption mine;
        const bool fine = status_of_program_during(SIGTERM, "1") == 0 && interrupted() && !reading_throws();
        ::_exit(fine ? success : 1);
      },
      testing::ExitedWithCode(success), "");
}

TEST(InterruptDeathTest, AFileThatMayNotGrowIsAnError) {
  const TemporaryDirectory scratch;
  EXPECT_EXIT(
      {
        const InterruptWatch watch;
        rlimit limit{};
        limit.rlim_cur = limit.rlim_max = 4096;
        ::setrlimit(RLIMIT_FSIZE, &limit);
        try {
          write_text_atomically(scratch.path() / "large", std::string(8192, 'x'));
        } catch (const Error& error) {
          std::cerr << error.message() << "; " << error.hint();
          ::_exit(static_cast<int>(error.kind()));
        }
        ::_exit(0);
      },
      testing::ExitedWithCode(6), "large': File too large; a limit .ulimit -f. or the file system does not allow");
}

TEST(InterruptDeathTest, AnIgnoredSignalStaysIgnored) {
  EXPECT_EXIT(
      {
        ::signal(SIGHUP, SIG_IGN);
        const InterruptWatch watch;
        ::_exit(status_of_program_during(SIGHUP, "1") == 0 && !interrupted() ? success : 1);
      },
      testing::ExitedWithCode(success), "");
}

}  // namespace
}  // namespace bake
