#include "bake/apply/verify_modules.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"

namespace bake::apply {
namespace {

using guest::Facts;
using guest::Guest;
using plan::Expectations;

/// A vendor's module lies where its package or DKMS puts it, or is reached from there; never below kernel/.
bool is_vendor_path(std::string_view path) {
  return path.find("/extra/") != std::string_view::npos || path.find("/weak-updates/") != std::string_view::npos ||
         path.find("/updates/") != std::string_view::npos;
}

Check check_module(Guest& guest, const Expectations& expected) {
  const auto fields = split_lines(guest
                                      .shell(fmt::format("modinfo -k {0} -n {1}\nmodinfo -k {0} -F version {1}\n",
                                                         shell_quote(expected.kernel), shell_quote(expected.module)))
                                      .output);
  const auto path = fields.empty() ? std::string() : fields[0];
  const auto version = fields.size() > 1 ? fields[1] : std::string();
  const bool found = path.starts_with("/") || path == "(builtin)";
  const bool origin = is_vendor_path(path) == (expected.module_origin == "vendor");
  const bool right_version = expected.module_version.empty() || version == expected.module_version;
  return {"module", found && origin && right_version,
          fmt::format("{} for {} is {}{}{}", expected.module, expected.kernel, path.empty() ? "missing" : path,
                      version.empty() ? "" : ", version " + version,
                      right_version ? "" : fmt::format(" (expected {})", expected.module_version))};
}

/// Unresolved or disagreeing symbols of vendor modules, as the guest's own depmod sees them.
Check check_symbols(Guest& guest, const Facts& facts, const Expectations& expected) {
  const auto* kernel = facts.kernel(expected.kernel);
  std::string option;
  std::string table;
  if (kernel != nullptr && kernel->symvers) {
    option = "-E";
    table = *kernel->symvers;
  } else if (kernel != nullptr && kernel->system_map) {
    // Debian ships a stub that says where the real map is; a map of a kernel has tens of thousands of lines.
    const auto stat = guest.stat(*kernel->system_map);
    if (stat && stat->size > 4096) {
      option = "-F";
      table = *kernel->system_map;
    }
  }
  if (option.empty()) return {"symbols", true, "not checked: the guest has neither symvers nor a System.map"};
  // depmod reads a plain symvers only.
  const auto output =
      guest
          .shell(fmt::format("table={1}\ncase $table in *.gz) t=$(mktemp) && gzip -dc $table > $t && table=$t;; esac\n"
                             "depmod -n -a -e {0} $table {2} 2>&1 >/dev/null | "
                             "grep -E '/(extra|updates|weak-updates)/' | head -n 20\n[ -z \"$t\" ] || rm -f $t\n:\n",
                             option, shell_quote(table), shell_quote(expected.kernel)))
          .output;
  const auto text = std::string(trim(output));
  return {"symbols", text.empty(),
          text.empty() ? fmt::format("no unresolved symbol in the vendor's modules ({})", table)
                       : join(split_lines(text), "; ")};
}

Check check_weak_updates(Guest& guest, const Expectations& expected) {
  const auto output = guest.shell(
      fmt::format("find /lib/modules/{}/weak-updates -xtype l 2>/dev/null; :\n", shell_quote(expected.kernel)));
  const auto dangling = std::string(trim(output.output));
  return {"weak-updates", dangling.empty(), dangling.empty() ? "no dangling link" : join(split_lines(dangling), ", ")};
}

Check check_initramfs(Guest& guest, const Facts& facts, const Expectations& expected) {
  const auto* kernel = facts.kernel(expected.kernel);
  if (kernel == nullptr || !kernel->initramfs) return {"initramfs", false, "there is none for " + expected.kernel};
  const auto lister = facts.initramfs_tool == guest::InitramfsTool::dracut ? "lsinitrd" : "lsinitramfs";
  const auto result =
      guest.shell(fmt::format("for m in hv_vmbus hv_storvsc hv_netvsc; do\n"
                              "  case \"$(modinfo -k {2} -n $m 2>/dev/null)\" in /*) echo need $m;; esac\n"
                              "done\n"
                              "{0} {1} | grep -E '\\.ko' | sed -E 's/^.* ([^ ]+)$/\\1/'\n",
                              lister, shell_quote(*kernel->initramfs), shell_quote(expected.kernel)));
  std::vector<std::string> wrong;
  const auto lines = split_lines(result.output);
  const auto holds = [&lines](const std::string& module) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find("/" + module + ".ko") != std::string::npos; });
  };
  for (const auto& line : lines)
    if (line.starts_with("need ") && !holds(line.substr(5))) wrong.push_back(line.substr(5) + " is missing");
  for (const auto& line : lines) {
    const bool mlx = line.find("/mlx4_") != std::string::npos || line.find("/mlx5_") != std::string::npos;
    if (mlx && expected.module_origin == "vendor" && !is_vendor_path(line))
      wrong.push_back("stale inbox module " + line);
  }
  if (!result.ok() && lines.empty()) wrong.push_back(fmt::format("{} cannot read it", lister));
  return {
      "initramfs", wrong.empty(),
      wrong.empty() ? *kernel->initramfs + " holds the Hyper-V drivers and no stale mlx module" : join(wrong, "; ")};
}

}  // namespace

std::vector<Check> verify_modules(Guest& guest, const Facts& facts, const Expectations& expected) {
  std::vector<Check> checks{check_module(guest, expected)};
  if (expected.module_origin == "vendor") {
    checks.push_back(check_symbols(guest, facts, expected));
    checks.push_back(check_weak_updates(guest, expected));
  }
  if (expected.initramfs) checks.push_back(check_initramfs(guest, facts, expected));
  return checks;
}

}  // namespace bake::apply
