#include "bake/appliance/guestfs_guest.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <set>

#include "bake/appliance/guestfs.hpp"
#include "bake/appliance/root_search.hpp"
#include "bake/appliance/script.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/mount_plan.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

[[noreturn]] void fail(std::string_view doing, std::string_view path, std::string_view reason) {
  throw Error(ErrorKind::failed, fmt::format("{} '{}' in the guest: {}", doing, path, reason));
}

/// Drives have one letter here, and the first one is the disk.
constexpr std::size_t max_payloads = 24;

/// The list of 2,000 packages with their files has 20 MiB.
constexpr std::uint64_t max_output = std::uint64_t{48} << 20U;
constexpr std::size_t output_tail = std::size_t{1} << 20U;
/// A list of lines needs up to ten times the memory of the text.
constexpr std::ptrdiff_t max_output_lines = 1'000'000;

/// The states and digests of 200,000 files.
constexpr std::size_t max_found = std::size_t{16} << 20U;

/// Says that a time limit was only the rest of the time for all, or nothing.
std::string rest_of(const TimeLimit& limit, std::chrono::seconds granted) {
  return limit.is_rest(granted) ? fmt::format(" (the rest of {} seconds for the whole guest)", limit.all().count())
                                : "";
}

std::string last_words(const std::string& output) {
  constexpr std::size_t most = 400;
  const auto text = trim(output);
  return text.empty() ? "none" : std::string(text.substr(text.size() > most ? text.size() - most : 0));
}

/// True for a directory, not for a link to one: the appliance's mount(8) would follow the link out of the guest.
bool is_directory(Appliance& appliance, const std::string& path) {
  const auto info = appliance.stat(path, false);
  return info && info->type == FileType::directory && appliance.real_path(path) == path;
}

/// Returns the first line of a script that does something, for a trace.
std::string title_of(std::string_view script) {
  constexpr std::size_t max_title = 100;
  for (const auto line : each_line(script))
    if (const auto words = trim(line); !words.empty() && words != "set -e" && !words.starts_with('#'))
      return std::string(words.substr(0, max_title));
  return {};
}

/// Writes the output of a failed script to the log: the error shows only its last lines, and the guest's own logs are
/// deleted with the copy.
void log_output(const ShellResult& result, Progress& progress) {
  constexpr std::size_t max_lines = 5000;
  const auto& output = result.output;
  const auto lines = split_lines(std::string_view(output).substr(output.size() - std::min(output.size(), output_tail)));
  progress.detail(fmt::format("a script in the guest ended with status {}; its output:", result.status));
  for (std::size_t i = lines.size() > max_lines ? lines.size() - max_lines : 0; i < lines.size(); ++i)
    progress.detail(lines[i]);
}

}  // namespace

ApplianceOptions appliance_options(const GuestfsOptions& options) {
  if (options.payloads.size() > max_payloads) throw Error(ErrorKind::bug, "attaching payloads: more than 24");
  ApplianceOptions result;
  result.memory_mib = options.memory_mib;
  result.processors = options.processors;
  result.drives.push_back(
      {options.disk, options.read_only, options.discard && !options.read_only, system_drive_label, options.format});
  for (const auto& payload : options.payloads) result.drives.push_back({payload, true, false, "", "raw"});
  return result;
}

GuestfsGuest::GuestfsGuest(const GuestfsOptions& options, Progress& progress)
    : GuestfsGuest(std::make_unique<Appliance>(appliance_options(options), progress), options, progress) {}

GuestfsGuest::GuestfsGuest(std::unique_ptr<Appliance> appliance, const GuestfsOptions& options, Progress& progress)
    : progress_(progress),
      appliance_(std::move(appliance)),
      payload_count_(options.payloads.size()),
      read_only_(options.read_only),
      limit_(options.script_limit, options.time_limit) {
  mount_system(options.known_as.empty() ? options.disk : options.known_as);
  prepare_scripts();
}

GuestfsGuest::~GuestfsGuest() = default;

int GuestfsGuest::launches() { return Appliance::launches(); }

Appliance& GuestfsGuest::appliance() {
  if (!appliance_) throw Error(ErrorKind::bug, "using a guest that is finished");
  limit_.require_time();
  return *appliance_;
}

void GuestfsGuest::mount_system(const std::filesystem::path& disk) {
  const TimedCall timed(progress_, "mount the guest's file systems");
  const auto content = appliance_->disk_content();
  const auto root = find_root(*appliance_, content.file_systems, disk);
  const auto plan = plan_mounts(root.file_system, parse_fstab(root.fstab), content.file_systems);
  for (const auto& warning : plan.warnings) progress_.warn(warning);
  for (const auto& note : plan.notes) progress_.detail(note);
  layout_.partition_table = content.partition_table;
  layout_.lvm = content.lvm;
  layout_.efi = content.efi;
  layout_.bios_boot = content.bios_boot;
  for (const auto& mount : plan.mounts) {
    if (mount.mount_point != "/" && !is_directory(*appliance_, mount.mount_point)) {
      progress_.warn(fmt::format("{} of the guest's /etc/fstab is not a directory; {} is not mounted",
                                 mount.mount_point, mount.device));
      continue;
    }
    appliance_->mount(mount.device, mount.mount_point, "noatime");
    const auto space = appliance_->space(mount.mount_point);
    layout_.mounts.push_back({mount.device, mount.type, mount.mount_point, space.size, space.free, mount.uuid});
  }
  appliance_->give_up_failed_writes();
}

// ---- files

bool GuestfsGuest::exists(const std::string& path) {
  const TimedCall timed(progress_, "exists " + path);
  require_guest_path(path);
  return appliance().stat(path, true).has_value();
}

std::optional<FileStat> GuestfsGuest::stat(const std::string& path) {
  const TimedCall timed(progress_, "stat " + path);
  require_guest_path(path);
  return appliance().stat(path, false);
}

std::optional<FileStat> GuestfsGuest::target_stat(const std::string& path) {
  const TimedCall timed(progress_, "stat " + path);
  require_guest_path(path);
  return appliance().stat(path, true);
}

std::optional<std::string> GuestfsGuest::read_link(const std::string& path) {
  const auto info = stat(path);
  if (!info || info->type != FileType::symlink) return std::nullopt;
  return appliance().read_link(path);
}

std::vector<std::string> GuestfsGuest::list(const std::string& directory) {
  const TimedCall timed(progress_, "list " + directory);
  require_guest_path(directory);
  const auto info = appliance().stat(directory, true);
  if (!info || info->type != FileType::directory) return {};
  auto names = appliance().list(directory);
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::string> GuestfsGuest::read(const std::string& path, std::size_t limit) {
  const TimedCall timed(progress_, "read " + path);
  require_guest_path(path);
  const auto info = appliance().stat(path, true);
  // Only regular files: a named pipe would block, and a device has no end.
  if (!info || info->type != FileType::regular) return std::nullopt;
  require_readable_size(path, info->size, limit);
  return appliance().read(path, 0, info->size);
}

bool GuestfsGuest::prepare_file(const std::string& path) {
  require_guest_path(path);
  if (const auto info = appliance().stat(path, true)) {
    if (info->type != FileType::regular) fail("writing", path, "not a regular file");
    return false;
  }
  make_directories(parent_of(path));
  return true;
}

void GuestfsGuest::write(const std::string& path, std::string_view content, unsigned mode) {
  const TimedCall timed(progress_, "write " + path);
  const bool made = prepare_file(path);
  appliance().write(path, content);
  if (made) appliance().set_mode(path, mode & 07777U);
}

void GuestfsGuest::upload(const std::filesystem::path& from, const std::string& path, unsigned mode) {
  const TimedCall timed(progress_, "upload " + path);
  const bool made = prepare_file(path);
  appliance().upload(from, path);
  if (made) appliance().set_mode(path, mode & 07777U);
}

void GuestfsGuest::make_directories(const std::string& path, unsigned mode) {
  require_guest_path(path);
  if (const auto info = appliance().stat(path, true); info && info->type == FileType::directory) return;
  std::string here = "/";
  for (const auto& name : path_components(path)) {
    here = join_path(here, name);
    const auto info = appliance().stat(here, true);
    if (info && info->type != FileType::directory) fail("making directory", path, "Not a directory");
    if (info) continue;
    appliance().make_directory(here, mode & 07777U);
    appliance().set_mode(here, mode & 07777U);
  }
}

std::string GuestfsGuest::pinned(const std::string& path) {
  return join_path(appliance().real_path(parent_of(path)), base_name_of(path));
}

void GuestfsGuest::make_link(const std::string& target, const std::string& path) {
  if (const auto info = stat(path)) {
    if (info->type == FileType::directory) fail("making link", path, "Is a directory");
    appliance().remove_file(path);
  }
  appliance().make_link(target, pinned(path));
}

void GuestfsGuest::set_mode(const std::string& path, unsigned mode) {
  require_guest_path(path);
  appliance().set_mode(path, mode & 07777U);
}

void GuestfsGuest::remove(const std::string& path) {
  const TimedCall timed(progress_, "remove " + path);
  const auto info = stat(path);
  if (!info) return;
  if (info->type != FileType::directory) return appliance().remove_file(path);
  const auto real = pinned(path);
  if (path_components(real).empty()) fail("removing", path, "it is the root directory");
  for (const auto& [mount_point, made] : payloads_)
    if (is_below(mount_point, real)) fail("removing", path, "Device or resource busy");
  appliance().remove_tree(real);
}

std::uint64_t GuestfsGuest::free_bytes(const std::string& path) {
  require_guest_path(path);
  auto existing = path;
  while (existing != "/" && !exists(existing)) existing = parent_of(existing);
  return appliance().space(existing).free;
}

// ---- payloads

void GuestfsGuest::mount_payload(std::size_t index, const std::string& mount_point) {
  const TimedCall timed(progress_, "mount a payload on " + mount_point);
  if (index >= payload_count_) fail("mounting payload on", mount_point, "no such payload is attached");
  const bool made = !exists(mount_point);
  if (made) make_directories(mount_point);
  const auto info = appliance().stat(mount_point, true);
  if (info->type != FileType::directory || !list(mount_point).empty())
    fail("mounting payload on", mount_point, "not an empty directory");
  const auto real = appliance().real_path(mount_point);
  appliance().mount(fmt::format("/dev/sd{}", static_cast<char>('b' + index)), real, "ro");
  payloads_[real] = made;
}

void GuestfsGuest::unmount_payload(const std::string& mount_point) {
  require_guest_path(mount_point);
  const auto mount = exists(mount_point) ? payloads_.find(appliance().real_path(mount_point)) : payloads_.end();
  if (mount == payloads_.end()) fail("unmounting payload from", mount_point, "not mounted");
  const auto [real, made] = *mount;
  appliance().unmount(real);
  payloads_.erase(mount);
  if (made) appliance().remove_directory(real);
}

// ---- scripts

void GuestfsGuest::run_tools(const std::string& command, const std::string& doing) {
  const TimedCall timed(progress_, doing);
  appliance().end_programs();
  const auto limit = limit_.next();
  const auto started = std::chrono::steady_clock::now();
  const int status = appliance_->run_tools(command, limit, doing);
  if (ended_by_limit(status, std::chrono::steady_clock::now() - started, limit))
    throw Error(ErrorKind::failed,
                fmt::format("{}: not finished within {} seconds{}", doing, limit.count(), rest_of(limit_, limit)),
                "the guest has more or larger files than expected; BAKE_SCRIPT_TIMEOUT=SECONDS sets another limit");
  if (status != 0) throw Error(ErrorKind::failed, fmt::format("{}: exit status {}", doing, status));
}

void GuestfsGuest::prepare_scripts() {
  // Package scripts need /run, and their files there must not stay in the image: /run becomes a file system in memory,
  // as on a running system. bake's scripts and their output are also there.
  const auto run = appliance().stat("/run", false);
  if (run && run->type != FileType::directory) fail("preparing", "/run", "not a directory");
  for (const auto* directory : {"/dev", "/proc", "/sys"})
    if (!is_directory(appliance(), directory)) fail("preparing", directory, "not a directory");
  made_run_ = !run;
  if (made_run_) make_directories("/run");
  appliance().mount_memory("/run");
  appliance().mount_api_file_systems();
  make_directories(script_directory, 0700);
}

ShellResult GuestfsGuest::shell(const std::string& script) {
  const TimedCall timed(progress_, "run: " + title_of(script));
  write(script_file, script);
  ShellResult result;
  const auto started = std::chrono::steady_clock::now();
  const auto limit = limit_.next();
  result.status = appliance_->run_script(limit);
  if (const auto info = appliance_->stat(output_file, false); info && info->type == FileType::regular) {
    result.truncated = info->size > max_output;
    const auto begin = result.truncated ? info->size - output_tail : 0;
    result.output = appliance_->read(output_file, begin, info->size - begin);
    if (std::count(result.output.begin(), result.output.end(), '\n') > max_output_lines) {
      result.truncated = true;
      result.output = result.output.substr(result.output.size() - std::min(result.output.size(), output_tail));
    }
  }
  if (ended_by_limit(result.status, std::chrono::steady_clock::now() - started, limit))
    throw Error(
        ErrorKind::failed,
        fmt::format("running a script in the guest: not finished within {} seconds{}; the end of its output: {}",
                    limit.count(), rest_of(limit_, limit), last_words(result.output)),
        "a program in the guest waits for something that does not happen; BAKE_SCRIPT_TIMEOUT=SECONDS sets "
        "another limit");
  if (!result.ok()) appliance().refuse_lost_writes();
  if (const auto reason = start_failure(result.status, result.output); !reason.empty())
    throw ShellNotStarted(ErrorKind::failed, fmt::format("running a script with '/bin/sh' in the guest: {}", reason),
                          "the guest must have a /bin/sh that runs on this machine's processor");
  if (!result.ok()) log_output(result, progress_);
  if (result.ok() && result.truncated)
    throw Error(ErrorKind::failed,
                fmt::format("running a script in the guest: it printed more than {} or {} lines; the end of its "
                            "output: {}",
                            human_size(max_output), max_output_lines, last_words(result.output)),
                "a program or package script of the guest prints without an end");
  return result;
}

std::map<std::string, std::string> GuestfsGuest::fingerprints(const std::vector<std::string>& files,
                                                              const std::vector<std::string>& trees) {
  auto looked_at = files;
  for (const auto& tree : trees) looked_at.push_back(parent_of(tree));
  write(files_list, fingerprint_list(looked_at, true));
  write(trees_list, fingerprint_list(trees, false));
  run_tools(fingerprint_command(), "computing the digests of files");
  auto states =
      parse_fingerprints(read(states_file, max_found).value_or(""), read(digests_file, max_found).value_or(""));
  const std::set<std::string> asked(files.begin(), files.end());
  std::erase_if(states, [&](const auto& entry) {
    return !asked.contains(entry.first) &&
           std::none_of(trees.begin(), trees.end(), [&](const auto& tree) { return is_below(entry.first, tree); });
  });
  return states;
}

PrivilegedFiles GuestfsGuest::privileged_files() {
  run_tools(privileged_command(), "searching setuid files and files with capabilities");
  const auto setuid = split(read(setuid_file).value_or(""), '\0');
  const auto capabilities = read(capabilities_file);
  const auto values = parse_capabilities(capabilities.value_or(""));
  std::set<std::string> paths;
  for (const auto& path : setuid)
    if (path.starts_with("./")) paths.insert(path.substr(1));
  for (const auto& [path, value] : values) paths.insert(path);
  const auto states = fingerprints({paths.begin(), paths.end()}, {});
  PrivilegedFiles found;
  if (capabilities) found.capabilities.emplace();
  for (const auto& path : setuid)
    if (const auto state = states.find(path.substr(std::min<std::size_t>(path.size(), 1))); state != states.end())
      found.setuid.insert(*state);
  for (const auto& [path, value] : values)
    if (const auto state = states.find(path); state != states.end())
      (*found.capabilities)[path] = state->second + " " + value;
  return found;
}

std::string GuestfsGuest::tree_digest() {
  constexpr std::size_t digest_size = 64;
  run_tools(tree_digest_command(), "computing the digest of all names and modes");
  auto line = read(tree_digest_file).value_or("");
  if (line.size() < digest_size)
    throw Error(ErrorKind::failed, "computing the digest of all names and modes: sha256sum printed no digest");
  line.resize(digest_size);
  return line;
}

std::optional<std::vector<std::string>> GuestfsGuest::files_without_label() {
  run_tools(without_label_command(), "searching files without an SELinux label");
  if (const auto found = read(without_label_file)) return parse_without_label(*found);
  return std::nullopt;
}

// ---- the end

void GuestfsGuest::write_back() {
  const TimedCall timed(progress_, "write back");
  appliance().write_back();
}

void GuestfsGuest::finish() {
  const TimedCall timed(progress_, "finish");
  if (!appliance_) throw Error(ErrorKind::bug, "using a guest that is finished");
  auto& running = *appliance_;
  running.end_programs();
  while (!payloads_.empty()) unmount_payload(payloads_.rbegin()->first);
  running.unmount("/run");
  if (made_run_) running.remove_directory("/run");
  if (!read_only_)
    for (const auto& mount : layout_.mounts)
      if (!running.trim(mount.mount_point))
        progress_.detail(fmt::format("{} ({}) cannot be trimmed", mount.mount_point, mount.type));
  running.unmount_all();
  running.write_back();
  running.shut_down();
  appliance_.reset();
}

}  // namespace bake::guest
