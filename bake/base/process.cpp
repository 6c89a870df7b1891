#include "bake/base/process.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/text.hpp"

extern char** environ;

namespace bake {
namespace {

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw Error(ErrorKind::failed, fmt::format("making a pipe: {}", std::strerror(errno)));
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

using Clock = std::chrono::steady_clock;
constexpr int poll_interval_ms = 100;

/// Reads both pipes until both are closed, or until `deadline` or a signal; returns true when both are closed.
bool drain(const Pipe& out, const Pipe& err, ProgramResult& result, Clock::time_point deadline) {
  const bool bounded = deadline != Clock::time_point::max();
  std::array<pollfd, 2> fds{pollfd{out.read_end.get(), POLLIN, 0}, pollfd{err.read_end.get(), POLLIN, 0}};
  std::array<std::string*, 2> sinks{&result.out, &result.err};
  std::array<std::byte, 16384> buffer{};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (bounded && (Clock::now() >= deadline || interrupted())) return false;
    if (::poll(fds.data(), fds.size(), bounded ? poll_interval_ms : -1) < 0 && errno != EINTR) return true;
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds.at(i).fd < 0 || fds.at(i).revents == 0) continue;
      const auto count = ::read(fds.at(i).fd, buffer.data(), buffer.size());
      if (count > 0) sinks.at(i)->append(reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(count));
      if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) fds.at(i).fd = -1;
    }
  }
  return true;
}

/// A running program whose output goes into two pipes.
struct RunningProgram {
  pid_t pid = 0;
  Pipe out;
  Pipe err;
};

/// Starts a program, with `own_group` as the leader of a process group.
RunningProgram start(const std::vector<std::string>& arguments, bool own_group) {
  auto out = make_pipe();
  auto err = make_pipe();
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  if (own_group) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // the group has the program's number
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.write_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write_end.get(), STDERR_FILENO);

  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv.front(), &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    throw Error(ErrorKind::environment, fmt::format("starting '{}': {}", arguments.front(), std::strerror(error)),
                "install the package that has it", {{Remedy::Action::check_machine}});
  out.write_end.reset();
  err.write_end.reset();
  return {child, std::move(out), std::move(err)};
}

int exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

/// Waits until `pid` has ended, until `deadline` or a signal; returns true when it has ended. Leaves it a zombie, so
/// that its number stays taken.
bool has_ended(pid_t pid, Clock::time_point deadline) {
  for (;;) {
    siginfo_t info{};
    const int failed = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
    if (failed == 0 && info.si_pid == pid) return true;
    if ((failed != 0 && errno != EINTR) || Clock::now() >= deadline || interrupted()) return false;
    ::poll(nullptr, 0, poll_interval_ms / 10);
  }
}

/// Kills the process group that `pid` leads, and returns the exit status of `pid`. Returns nothing when `pid` hangs in
/// the kernel; init takes it over when bake ends.
std::optional<int> end_group(pid_t pid) {
  constexpr std::chrono::seconds limit{2};
  ::kill(-pid, SIGKILL);
  const auto deadline = Clock::now() + limit;
  int status = 0;
  do {
    const auto ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) return exit_status(status);
    if (ended < 0 && errno != EINTR) return std::nullopt;
    ::poll(nullptr, 0, poll_interval_ms / 10);
  } while (Clock::now() < deadline);
  return std::nullopt;
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments) {
  const auto program = start(arguments, false);
  ProgramResult result;
  drain(program.out, program.err, result, Clock::time_point::max());
  int status = 0;
  while (::waitpid(program.pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.status = exit_status(status);
  return result;
}

std::optional<ProgramResult> run_program_for(const std::vector<std::string>& arguments,
                                             std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  const auto program = start(arguments, true);
  ProgramResult result;
  drain(program.out, program.err, result, deadline);
  const bool ended = has_ended(program.pid, deadline);
  const auto status = end_group(program.pid);  // with children that the program left behind
  throw_if_interrupted();
  if (!ended || !status) return std::nullopt;
  result.status = *status;
  return result;
}

std::optional<std::string> find_program(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (const auto& directory : split(path != nullptr ? path : "/usr/bin:/bin", ':')) {
    auto candidate = fmt::format("{}/{}", directory, program);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

}  // namespace bake
