#include "bake/appliance/launch.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

constexpr std::chrono::seconds kvm_limit{120};
constexpr std::chrono::seconds emulation_limit{600};
constexpr std::chrono::milliseconds watch_interval{250};
/// Until the machine has started.
constexpr std::chrono::milliseconds start_interval{50};

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::optional<std::chrono::seconds> parse_limit(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  int seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size() || seconds < 1 || seconds > 86400)
    throw Error(ErrorKind::usage, fmt::format("reading BAKE_LAUNCH_TIMEOUT '{}': not a number from 1 to 86400", *text),
                "it is the maximum time in seconds for the start of the appliance");
  return std::chrono::seconds(seconds);
}

/// Returns the arguments of a process; empty when it has ended. Not with a stream: its filebuf throws when read(2)
/// fails then.
std::vector<std::string> arguments_of(int pid) {
  try {
    auto arguments = split(read_text(fmt::format("/proc/{}/cmdline", pid)), '\0');
    arguments.pop_back();  // a NUL ends the last one
    return arguments;
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

std::vector<LaunchAttempt> plan_launch(const LaunchEnvironment& environment) {
  const auto limit = parse_limit(environment.timeout);
  if (environment.backend_settings) return {{false, false, limit.value_or(emulation_limit)}};
  // A limit that is short enough for a hanging KVM would end every emulation after it.
  const LaunchAttempt fallback{false, true, std::max(limit.value_or(emulation_limit), emulation_limit)};
  if (environment.kvm_failed_before) return {fallback};
  if (!environment.kvm_usable) return {{false, false, limit.value_or(emulation_limit)}};
  return {{true, false, limit.value_or(kvm_limit)}, fallback};
}

LaunchEnvironment launch_environment(bool kvm_failed_before) {
  const FileDescriptor kvm(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  return {variable("LIBGUESTFS_BACKEND_SETTINGS"), variable("BAKE_LAUNCH_TIMEOUT"), kvm.valid(), kvm_failed_before};
}

std::vector<int> children_marked(const std::string& marker) {
  std::vector<int> found;
  for (const int pid : child_processes())
    for (const auto& argument : arguments_of(pid))
      if (argument == marker) found.push_back(pid);
  return found;
}

std::optional<std::filesystem::path> socket_directory_of(const std::vector<std::string>& arguments) {
  constexpr std::string_view beginning = "socket,path=";
  for (const auto& argument : arguments) {
    if (!argument.starts_with(beginning)) continue;
    std::string path;
    for (std::size_t i = beginning.size(); i < argument.size(); ++i) {
      if (argument[i] == ',' && (i + 1 == argument.size() || argument[++i] != ',')) break;
      path += argument[i];
    }
    const auto directory = std::filesystem::path(path).parent_path();
    if (directory.is_absolute() && directory.filename().string().starts_with("libguestfs")) return directory;
  }
  return std::nullopt;
}

LaunchWatchdog::LaunchWatchdog(std::string marker, std::chrono::seconds limit, OnStart on_start)
    : marker_(std::move(marker)), limit_(limit), on_start_(std::move(on_start)), thread_([this] { watch(); }) {}

LaunchWatchdog::~LaunchWatchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void LaunchWatchdog::watch() {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> started;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, started ? watch_interval : start_interval, [this] { return stop_; })) {
    const auto machines = children_marked(marker_);
    if (machines.empty()) continue;
    if (!started) {
      started = Clock::now();
      if (on_start_) on_start_(arguments_of(machines.front()));
    }
    if (Clock::now() - *started < limit_) continue;
    fired_ = true;
    // They are children of this process and only this process reaps them, so their numbers cannot belong to other
    // processes.
    for (const int pid : machines) ::kill(pid, SIGKILL);
    return;
  }
}

}  // namespace bake::guest
