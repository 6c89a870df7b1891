#include "bake/apply/verify_modules.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

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

/// The script that lists what check_initramfs judges: "need <module>" for Hyper-V drivers that are modules, "has <name>
/// <path>" for each module in the initramfs. Of an RDMA module follow the path that depmod resolves the name to and, as
/// dracut packs a link below weak-updates and the file it leads to, where that path ends.
std::string initramfs_script(const Facts& facts, const std::string& image, const std::string& release) {
  const auto* lister = facts.initramfs_tool == guest::InitramfsTool::dracut ? "lsinitrd" : "lsinitramfs";
  return fmt::format(
      "for m in hv_vmbus hv_storvsc hv_netvsc; do\n"
      "  case \"$(modinfo -k {2} -n $m 2>/dev/null)\" in /*) echo need $m;; esac\n"
      "done\n"
      "{0} {1} | sed 's/ -> .*//' | grep -oE '[^ ]+\\.ko(\\.[a-z0-9]+)?$' | while read -r path; do\n"
      "  name=${{path##*/}}; name=${{name%%.ko*}}\n"
      "  now=\n"
      "  case $name in mlx*|ib_*|rdma_*) now=$(modinfo -k {2} -n $name 2>/dev/null);; esac\n"
      "  case $now in /*) echo has $name $path $now $(readlink -f $now);; *) echo has $name $path;; esac\n"
      "done\n",
      lister, shell_quote(image), shell_quote(release));
}

/// "usr/lib/modules/K/x.ko" and "/lib/modules/K/x.ko.zst" are one module: what follows lib/modules/ counts, and an
/// initramfs may hold unpacked what the disk holds packed.
std::string below_modules(const std::string& path) {
  const auto at = path.find("lib/modules/");
  const auto below = at == std::string::npos ? path : path.substr(at);
  const auto suffix = below.rfind(".ko.");
  return suffix == std::string::npos ? below : below.substr(0, suffix + 3);
}

Check check_initramfs(Guest& guest, const Facts& facts, const Expectations& expected) {
  const auto* kernel = facts.kernel(expected.kernel);
  if (kernel == nullptr || !kernel->initramfs) return {"initramfs", false, "there is none for " + expected.kernel};
  std::set<std::string> needed;
  std::set<std::string> present;
  std::vector<std::string> wrong;
  for (const auto& line :
       split_lines(guest.shell(initramfs_script(facts, *kernel->initramfs, expected.kernel)).output)) {
    const auto words = split_words(line);
    if (words.size() == 2 && words[0] == "need") needed.insert(words[1]);
    if (words.size() >= 3 && words[0] == "has") present.insert(words[1]);
    const auto is_packed = [&](const std::string& path) { return below_modules(path) == below_modules(words[2]); };
    if (words.size() > 3 && std::none_of(words.begin() + 3, words.end(), is_packed))
      wrong.push_back(fmt::format("stale module {} (depmod says {})", words[2], words[3]));
  }
  for (const auto& module : needed)
    if (!present.contains(module)) wrong.push_back(module + " is missing");
  return {"initramfs", wrong.empty(),
          wrong.empty() ? fmt::format("{}: {} modules, the Hyper-V drivers that are modules, no stale RDMA module",
                                      *kernel->initramfs, present.size())
                        : join(wrong, "; ")};
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
