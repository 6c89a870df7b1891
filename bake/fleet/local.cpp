#include "bake/fleet/local.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/text.hpp"
#include "bake/base/time.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/fleet/events.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::fleet {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Phase = Progress::Phase;
using recipe::FleetImage;

constexpr std::chrono::milliseconds poll_interval{50};
constexpr std::chrono::seconds lock_interval{1};
constexpr std::chrono::seconds patience{30};  // `bake image` stops waiting for its appliance after 20

/// A running `bake image`.
struct Running {
  std::size_t index = 0;  ///< into the tasks
  pid_t pid = 0;
  Clock::time_point started;
  std::int64_t started_at = 0;
  std::optional<FileIdentity> base;  ///< as it was at the start
  std::shared_ptr<ChildEvents> events;
};

/// Returns whether another bake has locked this output (bake/disk/output.cpp). The lock file of a killed bake is not
/// locked.
bool is_being_written(const fs::path& output) {
  const FileDescriptor lock(::open(sidecar_of(output, Sidecar::lock).c_str(), O_RDONLY | O_CLOEXEC));
  return lock.valid() && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

FileDescriptor open_log(const fs::path& log) {
  if (::rename(log.c_str(), (log.string() + ".1").c_str()) != 0 && errno != ENOENT) throw_errno("keeping", log, errno);
  return open_file(log, O_WRONLY | O_CREAT | O_EXCL | O_APPEND);
}

/// Starts a program that writes its output to `log`, and returns its process id. The program has its own process group,
/// so that only this process forwards a Ctrl-C to it. The kernel sends it SIGTERM when this process is killed. It
/// inherits `events`.
pid_t start(const std::vector<std::string>& arguments, const fs::path& log, const FileDescriptor& events) {
  const auto output = open_log(log);
  const FileDescriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const auto parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw Error(ErrorKind::failed, fmt::format("starting bake: {}", std::strerror(errno)));
  if (child > 0) return child;
  // Only calls that are safe between fork and exec in a program with threads.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(static_cast<int>(ErrorKind::interrupted));
  ::dup2(input.get(), STDIN_FILENO);
  ::dup2(output.get(), STDOUT_FILENO);
  ::dup2(output.get(), STDERR_FILENO);
  ::fcntl(events.get(), F_SETFD, 0);
  ::execv(argv.front(), argv.data());
  ::_exit(127);
}

/// Reads the last error of a log and its hints.
void read_error(const fs::path& log, ImageResult& result) {
  static constexpr std::string_view error = "bake: error: ";
  static constexpr std::string_view hint = "bake: hint: ";
  for (const auto& line : split_lines(read_text(log))) {
    if (line.starts_with(error)) {
      result.message = line.substr(error.size());
      result.hint.clear();
    }
    if (line.starts_with(hint)) result.hint += (result.hint.empty() ? "" : "; ") + line.substr(hint.size());
  }
  if (result.message.empty()) result.message = fmt::format("bake ended with status {} and no message", result.status);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// Returns the exit code. A killed bake has the code of ErrorKind::failed, because 128 + n is not an exit code of bake.
int status_of(int wait_status, ImageResult& result) {
  if (WIFEXITED(wait_status)) return WEXITSTATUS(wait_status);
  result.message =
      fmt::format("bake was killed by signal {} ({})", WTERMSIG(wait_status), ::strsignal(WTERMSIG(wait_status)));
  result.hint = "the machine ran out of memory, or a person killed it; see the kernel's log";
  return static_cast<int>(ErrorKind::failed);
}

/// Records a failure in the result of one image, so that the other images go on.
void fail(ImageResult& result, const std::exception& error) {
  const auto* known = dynamic_cast<const Error*>(&error);
  const bool environment_failed = known != nullptr && known->kind() == ErrorKind::environment;
  result.status = static_cast<int>(environment_failed ? ErrorKind::environment : ErrorKind::failed);
  result.message = error.what();
  result.hint = known != nullptr ? known->hint() : "";
}

/// Returns the fields that every result has.
ImageResult begin_result(const Running& child, const FleetOptions& options) {
  ImageResult result;
  result.run = options.run;
  result.host = host_name();
  result.started = iso_time(child.started_at);
  result.seconds = std::chrono::duration<double>(Clock::now() - child.started).count();
  return result;
}

/// Writes the result file. When that fails, the image counts as failed, because the next run would not know that it is
/// done.
void keep(const FleetTask& task, ImageResult& result, Progress& progress) {
  try {
    write_result(sidecar_of(task.image.output, Sidecar::result), result);
  } catch (const std::exception& error) {
    progress.warn(fmt::format("{}: {}", task.image.name, error.what()));
    if (result.status == 0) fail(result, error);
  }
}

/// Marks a failure as an interruption when this run is interrupted. Slurm's scancel signals every process of a task, so
/// the appliance may end before its bake gets the signal, and the bake reports a failure. Results of other kinds are
/// not changed.
void mark_interrupted(ImageResult& result) {
  const auto kind = static_cast<ErrorKind>(result.status);
  if (!interrupted() || (kind != ErrorKind::failed && kind != ErrorKind::environment)) return;
  result.status = static_cast<int>(ErrorKind::interrupted);
  result.message = "interrupted by a signal; last: " + result.message;
  result.hint = "run it again";
}

ImageResult record(const FleetTask& task, const Running& child, int wait_status, const FleetOptions& options,
                   Progress& progress) {
  auto result = begin_result(child, options);
  result.status = status_of(wait_status, result);
  try {
    if (result.status == 0) read_product(task, child.base, result);
  } catch (const std::exception& error) {  // Error, or a manifest with missing fields
    fail(result, error);
  }
  try {
    if (result.status != 0 && result.message.empty()) read_error(sidecar_of(task.image.output, Sidecar::log), result);
  } catch (const std::exception& error) {
    result.message = fmt::format("bake ended with status {}; {}", result.status, error.what());
  }
  mark_interrupted(result);
  keep(task, result, progress);
  return result;
}

class LocalRun {
 public:
  LocalRun(const std::vector<FleetTask>& tasks, const FleetOptions& options, Progress& progress)
      : tasks_(tasks), options_(options), progress_(progress), results_(tasks.size()) {
    for (std::size_t i = 0; i < tasks.size(); ++i) waiting_.push_back(i);
  }
  /// Children run here only after an exception. They get SIGTERM first, because a killed bake leaves its appliance.
  ~LocalRun() {
    end_children(SIGTERM);
    const auto deadline = Clock::now() + patience;
    while (!running_.empty() && Clock::now() < deadline) {
      std::erase_if(running_, [](const auto& child) { return ::waitpid(child.pid, nullptr, WNOHANG) != 0; });
      if (!running_.empty()) std::this_thread::sleep_for(poll_interval);
    }
    end_children(SIGKILL);
    for (const auto& child : running_) ::waitpid(child.pid, nullptr, 0);
  }
  LocalRun(const LocalRun&) = delete;
  LocalRun& operator=(const LocalRun&) = delete;

  std::vector<std::optional<ImageResult>> run() {
    std::optional<Clock::time_point> deadline;
    while (!running_.empty() || (!waiting_.empty() && !interrupted())) {
      if (!interrupted()) start_some();
      if (interrupted() && !deadline) {
        progress_.step("interrupted: ending the running bakes");
        end_children(SIGTERM);
        deadline = Clock::now() + patience;
      }
      if (deadline && Clock::now() > *deadline) end_children(SIGKILL);
      report_steps();
      reap();
      std::this_thread::sleep_for(poll_interval);
    }
    return results_;
  }

 private:
  void start_some() {
    for (auto next = waiting_.begin(); next != waiting_.end() && running_.size() < options_.jobs;) {
      if (!is_free(*next)) {
        ++next;
        continue;
      }
      start_one(*next);
      next = waiting_.erase(next);
    }
  }

  /// Returns whether no other bake writes the output. Checks a busy output at most once per second.
  bool is_free(std::size_t index) {
    const auto& output = tasks_[index].image.output;
    const auto busy = busy_.find(index);
    if (busy != busy_.end() && Clock::now() < busy->second) return false;
    if (!is_being_written(output)) return true;
    if (busy == busy_.end())
      progress_.part(tasks_[index].image.name, "waiting for another bake that writes it", Phase::waiting);
    busy_[index] = Clock::now() + lock_interval;
    return false;
  }

  void start_one(std::size_t index) {
    const auto& image = tasks_[index].image;
    progress_.part(image.name, fmt::format("baking {}", image.recipe.file.filename().string()), Phase::running);
    Running child{index, 0, Clock::now(), output_time(), identity_of(image.recipe.base.path), nullptr};
    try {
      fs::remove(sidecar_of(image.output, Sidecar::result));  // there is no result until the bake ends
      child.events = std::make_shared<ChildEvents>();
      auto arguments = image_arguments(image, options_);
      arguments.insert(arguments.end(), {"--events", std::to_string(child.events->child_end().get())});
      child.pid = start(arguments, sidecar_of(image.output, Sidecar::log), child.events->child_end());
      child.events->close_child_end();
    } catch (const std::exception& error) {
      auto result = begin_result(child, options_);
      fail(result, error);
      keep(tasks_[index], result, progress_);
      finish(index, std::move(result));
      return;
    }
    running_.push_back(child);
  }

  void finish(std::size_t index, ImageResult result) {
    const auto& name = tasks_[index].image.name;
    progress_.part(name, result.status == 0 ? "done" : fmt::format("exit {}", result.status), Phase::over);
    results_[index] = std::move(result);
  }

  void report_steps() {
    for (const auto& child : running_)
      if (const auto step = child.events->read()) progress_.part_step(tasks_[child.index].image.name, *step);
  }

  void reap() {
    for (auto child = running_.begin(); child != running_.end();) {
      int wait_status = 0;
      if (::waitpid(child->pid, &wait_status, WNOHANG) == 0) {
        ++child;
        continue;
      }
      const auto finished = *child;
      child = running_.erase(child);
      finish(finished.index, record(tasks_[finished.index], finished, wait_status, options_, progress_));
    }
  }

  void end_children(int signal) {
    for (const auto& child : running_) ::kill(child.pid, signal);  // not reaped yet, so the process id is still valid
  }

  const std::vector<FleetTask>& tasks_;
  const FleetOptions& options_;
  Progress& progress_;
  std::vector<std::size_t> waiting_;
  std::map<std::size_t, Clock::time_point> busy_;  ///< when to ask again
  std::vector<Running> running_;
  std::vector<std::optional<ImageResult>> results_;
};

}  // namespace

void read_product(const FleetTask& task, const std::optional<FileIdentity>& base_before, ImageResult& result) {
  const auto& image = task.image;
  const auto file = sidecar_of(image.output, Sidecar::manifest);
  const auto manifest = verify::read_manifest(read_text(file, verify::max_document), file.string());
  result.ofed = manifest.at("driver").at("ofed");
  result.os = manifest.at("os").at("id").get<std::string>() + " " + manifest.at("os").at("version").get<std::string>();
  result.kernel = manifest.at("kernel").at("release");
  result.base = {manifest.at("base").at("sha256"), {}};
  // The bake hashed the base while it copied it. The digest is valid when the file did not change during the bake.
  if (base_before == identity_of(image.recipe.base.path)) result.base.identity = base_before;
  result.output = {manifest.at("product").at("sha256"), identity_of(image.output)};
  if (!result.output.identity)
    throw Error(ErrorKind::failed,
                fmt::format("collecting '{}': the bake succeeded but left no output", image.output.string()));
  result.key = task.key;
  if (result.key) result.key->base = result.base.sha256;
}

bool may_replace(const FleetImage& image, bool force) {
  return force || fs::exists(sidecar_of(image.output, Sidecar::manifest));
}

std::vector<std::string> common_arguments(const FleetOptions& options) {
  std::vector<std::string> arguments{options.program.string(), "--progress", "plain", "--store",
                                     options.store.string()};
  for (const auto& overlay : options.overlays) arguments.insert(arguments.end(), {"--matrix", overlay.string()});
  return arguments;
}

std::vector<std::string> image_arguments(const FleetImage& image, const FleetOptions& options) {
  auto arguments = common_arguments(options);
  arguments.insert(arguments.end(), {"-v", "image", image.recipe.file.string(), "-o", image.output.string()});
  if (may_replace(image, options.force)) arguments.emplace_back("--force");
  return arguments;
}

void wait_until_free(const FleetImage& image, Progress& progress) {
  if (!is_being_written(image.output)) return;
  progress.part(image.name, "waiting for another bake that writes it", Phase::waiting);
  while (is_being_written(image.output) && !interrupted()) std::this_thread::sleep_for(lock_interval);
  std::this_thread::sleep_for(2 * lock_interval);  // for its result file, which is written after the unlock
}

std::vector<std::optional<ImageResult>> run_locally(const std::vector<FleetTask>& tasks, const FleetOptions& options,
                                                    Progress& progress) {
  return LocalRun(tasks, options, progress).run();
}

}  // namespace bake::fleet
