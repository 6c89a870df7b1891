#include "bake/appliance/guestfs.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <guestfs.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "bake/appliance/kernel_log.hpp"
#include "bake/appliance/launch.hpp"
#include "bake/appliance/script.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/interrupt.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

/// The protocol of libguestfs allows at most 4 MiB in one message; larger content is sent in parts.
constexpr std::size_t message_limit = std::size_t{2} << 20U;
/// The largest directory that bake lists: 30,000 names of the maximum length.
constexpr std::size_t directory_limit = std::size_t{8} << 20U;
constexpr std::size_t log_limit = std::size_t{64} << 10U;
std::atomic<int> launch_count = 0;
std::atomic<bool> kvm_failed = false;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using CString = std::unique_ptr<char, Free>;

/// A NULL-terminated list of strings as libguestfs returns it; empty for a null list.
std::vector<std::string> take_list(char** list) {
  std::vector<std::string> strings;
  if (list == nullptr) return strings;
  for (char** item = list; *item != nullptr; ++item) {
    strings.emplace_back(*item);
    std::free(*item);
  }
  std::free(list);
  return strings;
}

/// Messages of libguestfs have several lines; those of bake have one.
std::string one_line(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto line : each_line(text))
    if (const auto words = trim(line); !words.empty()) lines.emplace_back(words);
  return join(lines, "; ");
}

/// `text` without control characters, but with its line breaks: the console of the appliance has hostile output.
std::string printable_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto line : each_line(text)) lines.push_back(printable(line));
  return join(lines, "\n");
}

void keep_log(guestfs_h* /*handle*/, void* opaque, std::uint64_t /*event*/, int /*event_handle*/, int /*flags*/,
              const char* text, std::size_t size, const std::uint64_t* /*array*/, std::size_t /*array_size*/) {
  auto& log = *static_cast<std::string*>(opaque);
  log.append(text, size);
  if (log.size() > 2 * log_limit) log.erase(0, log.size() - log_limit);
}

void add_drive(guestfs_h* handle, const Drive& drive) {
  struct guestfs_add_drive_opts_argv options {};
  options.bitmask = GUESTFS_ADD_DRIVE_OPTS_FORMAT_BITMASK | GUESTFS_ADD_DRIVE_OPTS_READONLY_BITMASK;
  options.format = drive.format.c_str();
  options.readonly = drive.read_only ? 1 : 0;
  if (!drive.label.empty()) {
    options.bitmask |= GUESTFS_ADD_DRIVE_OPTS_LABEL_BITMASK;
    options.label = drive.label.c_str();
  }
  if (!drive.read_only) {
    // The disk is a scratch copy, which gets its final name only after everything succeeded: flushing earlier has no
    // benefit.
    options.bitmask |= GUESTFS_ADD_DRIVE_OPTS_CACHEMODE_BITMASK;
    options.cachemode = "unsafe";
    if (drive.discard) {
      options.bitmask |= GUESTFS_ADD_DRIVE_OPTS_DISCARD_BITMASK;
      options.discard = "enable";
    }
  }
  if (guestfs_add_drive_opts_argv(handle, drive.file.c_str(), &options) != 0)
    throw Error(ErrorKind::failed,
                fmt::format("opening disk '{}': {}", drive.file.string(), one_line(guestfs_last_error(handle))));
}

using Handle = std::unique_ptr<guestfs_h, decltype(&guestfs_close)>;

/// The result of one attempt: the running handle, or the reason of the failure.
struct Launched {
  Handle handle{nullptr, &guestfs_close};
  bool timed_out = false;
  std::string reason;
  std::string log;
};

Handle make_handle() {
  Handle handle(guestfs_create(), &guestfs_close);
  if (!handle) throw Error(ErrorKind::environment, "starting the appliance: libguestfs cannot make a handle");
  guestfs_set_error_handler(handle.get(), nullptr, nullptr);
  return handle;
}

/// Returns where libguestfs puts its temporary files by default.
std::filesystem::path temporary_place() {
  const CString place(guestfs_get_tmpdir(make_handle().get()));
  return place ? place.get() : "/tmp";
}

Handle make_handle(const ApplianceOptions& options, const LaunchAttempt& attempt, const std::string& marker,
                   const TemporaryDirectory& scratch) {
  auto handle = make_handle();
  guestfs_set_tmpdir(handle.get(), scratch.path().c_str());
  if (std::getenv("LIBGUESTFS_BACKEND") == nullptr) guestfs_set_backend(handle.get(), "direct");
  if (attempt.force_emulation) guestfs_set_backend_setting(handle.get(), "force_tcg", "1");
  guestfs_set_memsize(handle.get(), static_cast<int>(options.memory_mib));
  guestfs_set_smp(handle.get(), static_cast<int>(options.processors));
  guestfs_set_network(handle.get(), 0);
  guestfs_set_autosync(handle.get(), 0);
  guestfs_set_recovery_proc(handle.get(), 1);  // ends qemu when bake is killed
  guestfs_config(handle.get(), "-name", marker.c_str());
  // By default qemu stops the machine on a full disk until there is space again, and nothing in the machine times out.
  guestfs_config(handle.get(), "-global", "scsi-hd.werror=report");
  for (const auto& drive : options.drives) add_drive(handle.get(), drive);
  return handle;
}

Launched launch(const ApplianceOptions& options, const LaunchAttempt& attempt, const TemporaryDirectory& scratch) {
  static std::atomic<int> number = 0;
  const auto marker = fmt::format("bake-{}-{}", ::getpid(), ++number);
  Launched result;
  std::string log;
  auto handle = make_handle(options, attempt, marker, scratch);
  const int callback = guestfs_set_event_callback(
      handle.get(), keep_log, GUESTFS_EVENT_APPLIANCE | GUESTFS_EVENT_LIBRARY | GUESTFS_EVENT_WARNING, 0, &log);
  const LaunchWatchdog watchdog(marker, attempt.limit, [&scratch](const std::vector<std::string>& arguments) {
    if (const auto sockets = socket_directory_of(arguments)) scratch.note_also(*sockets);
  });
  const int status = guestfs_launch(handle.get());
  if (callback >= 0) guestfs_delete_event_callback(handle.get(), callback);
  if (status == 0) {
    result.handle = std::move(handle);
    return result;
  }
  result.timed_out = watchdog.fired();
  // After the first line, the message of libguestfs only explains how to debug libguestfs.
  result.reason = result.timed_out ? fmt::format("not running after {} s", attempt.limit.count())
                                   : split_lines(guestfs_last_error(handle.get())).front();
  result.log = std::move(log);
  return result;
}

guestfs_h* launch_some_way(const ApplianceOptions& options, const TemporaryDirectory& scratch, Progress& progress) {
  const auto attempts = plan_launch(launch_environment(kvm_failed));
  Launched launched;
  for (const auto& attempt : attempts) {
    throw_if_interrupted();
    const auto started = std::chrono::steady_clock::now();
    launched = launch(options, attempt, scratch);
    if (launched.handle) {
      ++launch_count;
      progress.call("launch the appliance", started, std::chrono::steady_clock::now());
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
      progress.detail(
          fmt::format("the appliance started in {:.1f} s{}", taken.count(), attempt.with_kvm ? " with KVM" : ""));
      return launched.handle.release();
    }
    throw_if_interrupted();
    if (!attempt.with_kvm) break;
    kvm_failed = true;
    progress.warn(fmt::format(
        "the appliance did not start with KVM ({}); bake continues with emulation, which is slower. Set "
        "LIBGUESTFS_BACKEND_SETTINGS=force_tcg to skip KVM, or BAKE_LAUNCH_TIMEOUT (seconds) to change how long the "
        "start "
        "may take",
        launched.timed_out
            ? fmt::format("/dev/kvm opens, but the appliance did not start within {} s", attempt.limit.count())
            : launched.reason + " " + last_lines(launched.log, 1)));
  }
  throw Error(
      ErrorKind::environment,
      fmt::format("starting the libguestfs appliance: {}{}{}", launched.reason,
                  launched.log.empty() ? "" : "; the end of its log:\n  ", last_lines(launched.log, 12, "\n  ")),
      "LIBGUESTFS_DEBUG=1 shows the whole start", {{Remedy::Action::check_machine}});
}

using Statns = std::unique_ptr<struct guestfs_statns, decltype(&guestfs_free_statns)>;

Statns look_at(guestfs_h* handle, const std::string& path, bool follow) {
  return {follow ? guestfs_statns(handle, path.c_str()) : guestfs_lstatns(handle, path.c_str()), &guestfs_free_statns};
}

FileStat to_file_stat(const struct guestfs_statns& info) {
  FileStat stat;
  const auto mode = static_cast<mode_t>(info.st_mode);
  if (S_ISREG(mode)) stat.type = FileType::regular;
  if (S_ISDIR(mode)) stat.type = FileType::directory;
  if (S_ISLNK(mode)) stat.type = FileType::symlink;
  stat.mode = mode & 07777U;
  stat.size = stat.type == FileType::directory ? 0 : static_cast<std::uint64_t>(info.st_size);
  stat.uid = static_cast<std::uint32_t>(info.st_uid);
  stat.gid = static_cast<std::uint32_t>(info.st_gid);
  if (stat.type != FileType::directory) stat.links = static_cast<std::uint64_t>(info.st_nlink);
  return stat;
}

bool means_absent(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG; }

}  // namespace

Appliance::Appliance(const ApplianceOptions& options, Progress& progress)
    : temporary_place_(temporary_place()),
      scratch_(std::make_unique<TemporaryDirectory>(temporary_place_)),
      handle_(launch_some_way(options, *scratch_, progress)),
      disk_(options.drives.empty() ? "" : options.drives.front().file) {
  guestfs_set_event_callback(handle_, keep_log, GUESTFS_EVENT_APPLIANCE, 0, &log_);
}

Appliance::~Appliance() {
  if (handle_ != nullptr) guestfs_close(handle_);
}

int Appliance::launches() { return launch_count; }

void Appliance::fail(std::string_view doing, std::string_view object) {
  if (guestfs_is_ready(handle_) != 1) {
    throw_if_interrupted();
    const auto last = last_lines(log_, 6, "\n  ");
    throw Error(ErrorKind::environment,
                fmt::format("{} '{}' in the guest: the appliance died{}{}", doing, object,
                            last.empty() ? "" : "; its last messages:\n  ", printable_lines(last)),
                "this machine may lack memory for it (LIBGUESTFS_MEMSIZE), or a program of the guest ended it");
  }
  const char* reason = guestfs_last_error(handle_);
  const auto message =
      fmt::format("{} '{}' in the guest: {}", doing, object, one_line(reason != nullptr ? reason : "unknown"));
  refuse_lost_writes();
  throw Error(ErrorKind::failed, message);
}

void Appliance::refuse_lost_writes() {
  auto command = fmt::format("readlink -f /dev/disk/guestfs/{}; dmesg", system_drive_label);
  char* arguments[] = {command.data(), nullptr};
  const CString output(guestfs_debug(handle_, "sh", static_cast<char**>(arguments)));
  const std::string_view text = output ? output.get() : "";
  const auto lost = find_lost_write(text);
  if (lost.empty()) return;
  // Any other disk with writes belongs to the appliance.
  const auto place = is_of_device(lost, text.substr(0, text.find('\n'))) ? disk_ : temporary_place_;
  throw Error(
      ErrorKind::environment,
      fmt::format("writing '{}': this machine could not store all data of the appliance; {} are free there ({})",
                  place.string(), human_size(free_bytes_at(place)), lost),
      "free some space on that file system, or choose another one");
}

void Appliance::write_back() {
  check(guestfs_sync(handle_), "writing back", "/");
  refuse_lost_writes();
}

void Appliance::check(int result, std::string_view doing, std::string_view object) {
  if (result == -1) fail(doing, object);
}

DiskContent Appliance::disk_content() {
  return parse_blkid(run_in_appliance(probe_command(), "looking for file systems on", "/dev/sda"));
}

void Appliance::mount(const std::string& device, const std::string& mount_point, const std::string& options) {
  check(guestfs_mount_options(handle_, options.c_str(), device.c_str(), mount_point.c_str()),
        fmt::format("mounting {} on", device), mount_point);
}

void Appliance::mount_memory(const std::string& mount_point) {
  // The call requires a device; tmpfs ignores it.
  check(guestfs_mount_vfs(handle_, "mode=0755,size=80%", "tmpfs", "/dev/sda", mount_point.c_str()),
        "mounting memory on", mount_point);
}

void Appliance::unmount(const std::string& mount_point) {
  check(guestfs_umount(handle_, mount_point.c_str()), "unmounting", mount_point);
}

void Appliance::unmount_all() { check(guestfs_umount_all(handle_), "unmounting", "/"); }

bool Appliance::trim(const std::string& mount_point) {
  const struct guestfs_fstrim_argv options {};
  return guestfs_fstrim_argv(handle_, mount_point.c_str(), &options) == 0;
}

Space Appliance::space(const std::string& path) {
  const std::unique_ptr<struct guestfs_statvfs, decltype(&guestfs_free_statvfs)> info(
      guestfs_statvfs(handle_, path.c_str()), &guestfs_free_statvfs);
  if (!info) fail("reading the free space at", path);
  const auto block = static_cast<std::uint64_t>(info->frsize);
  return {static_cast<std::uint64_t>(info->blocks) * block, static_cast<std::uint64_t>(info->bavail) * block};
}

std::optional<FileStat> Appliance::stat(const std::string& path, bool follow) {
  const auto info = look_at(handle_, path, follow);
  if (info) return to_file_stat(*info);
  if (!means_absent(guestfs_last_errno(handle_))) fail("looking at", path);
  return std::nullopt;
}

std::string Appliance::real_path(const std::string& path) {
  const CString real(guestfs_realpath(handle_, path.c_str()));
  if (!real) fail("following", path);
  return real.get();
}

std::string Appliance::read_link(const std::string& path) {
  const CString target(guestfs_readlink(handle_, path.c_str()));
  if (!target) fail("reading link", path);
  return target.get();
}

std::vector<std::string> Appliance::list(const std::string& directory) {
  const auto info = look_at(handle_, directory, true);
  if (!info) fail("listing", directory);
  require_readable_size(directory, static_cast<std::uint64_t>(info->st_size), directory_limit);
  char** raw = guestfs_ls(handle_, directory.c_str());
  if (raw == nullptr) fail("listing", directory);
  return take_list(raw);
}

// guestfs_pread and not guestfs_read_file or guestfs_download: the latter make a transfer for each file, which takes
// 0.2 s under emulation instead of 2 ms.
std::string Appliance::read(const std::string& path, std::uint64_t offset, std::uint64_t size) {
  std::string content;
  content.reserve(size);
  while (content.size() < size) {
    std::size_t got = 0;
    const auto count = static_cast<int>(std::min<std::uint64_t>(size - content.size(), message_limit));
    const CString part(
        guestfs_pread(handle_, path.c_str(), count, static_cast<std::int64_t>(offset + content.size()), &got));
    if (!part) fail("reading", path);
    if (got == 0) break;  // a program of the guest made the file smaller meanwhile
    content.append(part.get(), got);
  }
  return content;
}

void Appliance::write(const std::string& path, std::string_view content) {
  const auto first = std::min(content.size(), message_limit);
  check(guestfs_write(handle_, path.c_str(), content.data(), first), "writing", path);
  for (auto done = first; done < content.size();) {
    const auto part = content.substr(done, message_limit);
    const int count = guestfs_pwrite(handle_, path.c_str(), part.data(), part.size(), static_cast<std::int64_t>(done));
    check(count, "writing", path);
    done += static_cast<std::size_t>(count);
  }
}

void Appliance::upload(const std::filesystem::path& from, const std::string& path) {
  check(guestfs_upload(handle_, from.c_str(), path.c_str()), "writing", path);
}

void Appliance::make_directory(const std::string& path, unsigned mode) {
  check(guestfs_mkdir_mode(handle_, path.c_str(), static_cast<int>(mode)), "making directory", path);
}

void Appliance::remove_directory(const std::string& path) {
  check(guestfs_rmdir(handle_, path.c_str()), "removing directory", path);
}

void Appliance::set_mode(const std::string& path, unsigned mode) {
  check(guestfs_chmod(handle_, static_cast<int>(mode), path.c_str()), "changing mode of", path);
}

void Appliance::remove_file(const std::string& path) { check(guestfs_rm(handle_, path.c_str()), "removing", path); }

void Appliance::remove_tree(const std::string& path) { check(guestfs_rm_rf(handle_, path.c_str()), "removing", path); }

void Appliance::make_link(const std::string& target, const std::string& path) {
  check(guestfs_ln_s(handle_, target.c_str(), path.c_str()), "making link", path);
}

std::string Appliance::run_in_appliance(const std::string& command, std::string_view doing, std::string_view object) {
  auto text = command;
  char* arguments[] = {text.data(), nullptr};
  const CString output(guestfs_debug(handle_, "sh", static_cast<char**>(arguments)));
  if (!output) fail(doing, object);
  return output.get();
}

void Appliance::mount_api_file_systems() {
  run_in_appliance("for d in dev dev/pts proc sys; do mount --bind /$d /sysroot/$d || exit 1; done", "mounting",
                   "/dev");
}

void Appliance::give_up_failed_writes() {
  run_in_appliance("for f in /sys/fs/xfs/*/error/metadata/*/max_retries; do [ ! -e $f ] || echo 0 >$f; done",
                   "setting what XFS does about", "failed writes");
}

int Appliance::run_script(std::chrono::seconds limit) {
  return parse_status(run_in_appliance(script_command("/sysroot", limit), "running", "/bin/sh"));
}

int Appliance::run_tools(const std::string& command, std::chrono::seconds limit, std::string_view doing) {
  return parse_status(run_in_appliance(limited_command("/sysroot", command, limit), doing, "/"));
}

void Appliance::end_programs() { run_in_appliance(end_programs_command("/sysroot"), "ending programs below", "/"); }

void Appliance::shut_down() {
  const int status = guestfs_shutdown(handle_);
  const std::string reason = status == 0 ? "" : one_line(guestfs_last_error(handle_));
  guestfs_close(handle_);
  handle_ = nullptr;
  if (status != 0)
    throw Error(ErrorKind::failed, fmt::format("shutting the appliance down: {}", reason),
                "data may be missing on the disk; check whether a disk of this machine is full");
}

}  // namespace bake::guest
