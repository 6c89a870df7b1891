#include "bake/base/interrupt.hpp"

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <poll.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"

namespace bake {
namespace fs = std::filesystem;
namespace {

constexpr std::chrono::seconds patience{20};
constexpr int kill_interval_ms = 100;
constexpr std::array<int, 3> watched{SIGINT, SIGTERM, SIGHUP};
constexpr char stop_word = 's';

std::atomic<bool> came = false;
std::atomic<int> owners = 0;
std::atomic<int> signal_pipe = -1;

extern "C" void note_signal(int /*signal*/) {
  const int saved = errno;
  const char word = 'i';
  [[maybe_unused]] const auto written = ::write(signal_pipe, &word, 1);
  errno = saved;
}

/// Returns the text of /proc/PID/stat; empty when the process has ended. Not with read_text(), which throws after a
/// signal.
std::string stat_of(int pid) {
  const FileDescriptor file(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> buffer{};
  const auto count = file.valid() ? ::read(file.get(), buffer.data(), buffer.size()) : 0;
  return count > 0 ? std::string(buffer.data(), static_cast<std::size_t>(count)) : std::string();
}

void end_children() {
  for (const int pid : child_processes()) {
    // Not glibc's wrappers: those of 2.36 cannot be linked from C++. The number may belong to another process by now;
    // the descriptor always means the same process.
    const FileDescriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (process.valid() && parent_of_process(pid) == ::getpid())
      ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
  }
}

}  // namespace

int parent_of_process(int pid) {
  // proc(5): "pid (comm) state ppid"; comm may contain any character.
  const auto stat = stat_of(pid);
  const auto end = stat.rfind(')');
  if (end == std::string::npos) return 0;
  const auto words = split_words(std::string_view(stat).substr(end + 1));
  int parent = 0;
  if (words.size() > 1) std::from_chars(words[1].data(), words[1].data() + words[1].size(), parent);
  return parent;
}

std::vector<int> child_processes() {
  std::vector<int> found;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    int pid = 0;
    std::from_chars(name.data(), name.data() + name.size(), pid);
    if (pid > 0 && parent_of_process(pid) == ::getpid()) found.push_back(pid);
  }
  return found;
}

bool interrupted() noexcept { return came; }

void throw_if_interrupted() {
  if (came && owners == 0) throw Error(ErrorKind::interrupted, "working: interrupted by a signal");
}

OwnInterruption::OwnInterruption() { ++owners; }
OwnInterruption::~OwnInterruption() { --owners; }

InterruptWatch::InterruptWatch() {
  if (::pipe2(pipe_.data(), O_CLOEXEC) != 0)
    throw Error(ErrorKind::environment, fmt::format("making a pipe: {}", std::strerror(errno)));
  signal_pipe = pipe_[1];
  thread_ = std::thread([this] { watch(); });
  // A file that grows beyond the limit of this process (ulimit -f) is then an error of write(2), also in qemu.
  ::signal(SIGXFSZ, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : watched) {
    struct sigaction before {};
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
      ::sigaction(signal, &action, nullptr);
  }
}

InterruptWatch::~InterruptWatch() {
  for (const int signal : watched) {
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == note_signal) ::signal(signal, SIG_DFL);
  }
  [[maybe_unused]] const auto written = ::write(pipe_[1], &stop_word, 1);
  thread_.join();
  for (const int end : pipe_) ::close(end);
  came = false;
}

void InterruptWatch::watch() const {
  using Clock = std::chrono::steady_clock;
  auto deadline = Clock::time_point::max();
  for (;;) {
    pollfd descriptor{pipe_[0], POLLIN, 0};
    const int ready = ::poll(&descriptor, 1, came ? kill_interval_ms : -1);
    char word = 0;
    if (ready > 0 && ::read(pipe_[0], &word, 1) == 1) {
      if (word == stop_word) return;
      came = true;
    }
    if (!came) continue;
    if (owners > 0) {
      deadline = Clock::time_point::max();
      continue;
    }
    if (deadline == Clock::time_point::max()) deadline = Clock::now() + patience;
    if (Clock::now() >= deadline) ::_exit(static_cast<int>(ErrorKind::interrupted));
    end_children();  // repeatedly: the job may have started another one meanwhile
  }
}

}  // namespace bake
