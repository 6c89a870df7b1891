#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <tuple>
#include <unistd.h>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/process.hpp"
#include "bake/base/text.hpp"
#include "bake/commands/commands.hpp"
#include "bake/commands/kvm_probe.hpp"

namespace bake::cli {
namespace {

namespace fs = std::filesystem;

/// The result of checking one thing that a machine needs to bake.
struct Diagnosis {
  enum class Level { ok, warning, problem };
  std::string what;
  Level level = Level::ok;
  std::string found;
  std::string fix;  ///< what to do; empty when nothing is wrong
};

using Level = Diagnosis::Level;

Diagnosis tool(const std::string& program, const std::optional<std::string>& path, const std::string& packages) {
  if (path) return {program, Level::ok, *path, ""};
  return {program, Level::problem, "not on PATH", "install " + packages};
}

bool has_fixed_appliance() {
  const char* path = std::getenv("LIBGUESTFS_PATH");
  return path != nullptr && fs::exists(fs::path(path) / "root");
}

/// supermin builds the appliance with a kernel of this machine, which it must be able to read: on Ubuntu only root can
/// read kernels (Launchpad bug 759725).
Diagnosis appliance_kernel() {
  if (has_fixed_appliance()) return {"appliance kernel", Level::ok, "fixed appliance in $LIBGUESTFS_PATH", ""};
  std::string unreadable;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/boot", ignored)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("vmlinuz-")) continue;
    const bool modules = fs::exists(fs::path("/lib/modules") / name.substr(8) / "modules.dep");
    if (modules && ::access(entry.path().c_str(), R_OK) == 0)
      return {"appliance kernel", Level::ok, entry.path().string(), ""};
    if (modules) unreadable = entry.path().string();
  }
  if (!unreadable.empty())
    return {"appliance kernel", Level::problem, unreadable + " cannot be read", "chmod 0644 " + unreadable};
  return {"appliance kernel", Level::problem, "no kernel with modules in /boot",
          "install a kernel package (linux-image-amd64 or linux-image-generic), or set LIBGUESTFS_PATH to a fixed "
          "appliance"};
}

Diagnosis kvm() {
  const char* settings = std::getenv("LIBGUESTFS_BACKEND_SETTINGS");
  if (settings != nullptr && std::string_view(settings).find("force_tcg") != std::string_view::npos)
    return {"KVM", Level::warning, "not used: LIBGUESTFS_BACKEND_SETTINGS says force_tcg",
            "unset it where KVM works; emulation is about five times slower"};
  const char* device = "/dev/kvm";
  constexpr std::chrono::seconds limit{15};
  const auto probe = probe_kvm(device, limit);
  const auto emulate =
      "set LIBGUESTFS_BACKEND_SETTINGS=force_tcg, so that bake emulates at once; that is about five times slower";
  switch (probe.state) {
    case KvmProbe::State::works:
      return {"KVM", Level::ok, "a guest runs", ""};
    case KvmProbe::State::missing:
      return {"KVM", Level::warning, fmt::format("{} does not exist", device),
              "bake emulates, about five times slower; enable virtualization, or nested virtualization in a VM"};
    case KvmProbe::State::no_permission:
      return {"KVM", Level::warning, fmt::format("no permission to open {}", device),
              "bake emulates, about five times slower; add the user to group kvm"};
    case KvmProbe::State::hangs:
      return {"KVM", Level::warning, fmt::format("{} opens, but a guest hangs ({} s)", device, limit.count()), emulate};
    case KvmProbe::State::fails:
      return {"KVM", Level::warning, fmt::format("{} does not work: {}", device, probe.reason), emulate};
    case KvmProbe::State::not_tried:
      return {"KVM", Level::warning, fmt::format("{} opens, but no guest was started: {}", device, probe.reason), ""};
  }
  return {};
}

/// On Debian the appliance has XFS tools only with libguestfs-xfs; CentOS and RHEL guests use XFS.
Diagnosis xfs() {
  if (has_fixed_appliance()) return {"XFS in the appliance", Level::ok, "depends on the fixed appliance", ""};
  for (const auto* program : {"/sbin/mkfs.xfs", "/usr/sbin/mkfs.xfs"})
    if (fs::exists(program)) return {"XFS in the appliance", Level::ok, "xfsprogs is installed", ""};
  return {"XFS in the appliance", Level::problem, "no xfsprogs",
          "install libguestfs-xfs (CentOS and RHEL guests use XFS)"};
}

Diagnosis space(const std::string& what, const fs::path& path, const std::string& variable, std::uint64_t wanted) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored) || ::access(path.c_str(), W_OK | X_OK) != 0)
    return {what, Level::problem, fmt::format("'{}' is not a writable directory", path.string()),
            fmt::format("make it, or set ${} to another directory", variable)};
  const auto free = free_bytes_at(path);
  auto found = fmt::format("{} free at {}", human_size(free), path.string());
  if (free >= wanted) return {what, Level::ok, std::move(found), ""};
  return {what, Level::warning, std::move(found), fmt::format("{} are recommended", human_size(wanted))};
}

fs::path from_environment(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

/// Checks this machine without starting the appliance: tools, kernel for the appliance, KVM with a tiny guest, XFS,
/// space.
std::vector<Diagnosis> check_machine() {
  constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30U;
  std::vector<Diagnosis> result{
      tool("qemu-system-x86_64", find_qemu(), "qemu-system-x86 (Debian, Ubuntu) or qemu-kvm (RHEL)"),
      tool("qemu-img", find_program("qemu-img"), "qemu-utils (Debian, Ubuntu) or qemu-img (RHEL)"),
  };
  if (!has_fixed_appliance()) result.push_back(tool("supermin", find_program("supermin"), "supermin"));
  result.push_back(appliance_kernel());
  result.push_back(kvm());
  result.push_back(xfs());
  for (const auto& [what, variable, wanted] : {std::tuple{"appliance cache", "LIBGUESTFS_CACHEDIR", 2 * gibibyte},
                                               std::tuple{"temporary files", "TMPDIR", 4 * gibibyte}})
    result.push_back(space(what, from_environment(variable, "/var/tmp"), variable, wanted));
  return result;
}

std::string_view word(Level level) {
  return level == Level::ok ? "ok" : level == Level::warning ? "warning" : "problem";
}

void examine(Context& context) {
  auto rows = Json::array();
  for (const auto& row : check_machine()) {
    if (row.level == Level::problem) context.status = static_cast<int>(ErrorKind::environment);
    if (context.json) {
      rows.push_back({{"what", row.what}, {"verdict", word(row.level)}, {"found", row.found}, {"fix", row.fix}});
      continue;
    }
    context.out << fmt::format("{:<8} {:<20} {}\n", word(row.level), row.what, row.found);
    if (!row.fix.empty()) context.out << fmt::format("{:<8} {:<20} fix: {}\n", "", "", row.fix);
  }
  if (context.json) context.print({{"can_bake", context.status == 0}, {"checks", rows}});
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("doctor", "check whether this machine can bake; each problem with its fix");
  command->callback([&context] { examine(context); });
}

}  // namespace bake::cli
