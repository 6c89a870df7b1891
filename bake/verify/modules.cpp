#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/initramfs.hpp"
#include "bake/guest/shell.hpp"
#include "bake/inspect/kernels.hpp"
#include "bake/verify/guest.hpp"

namespace bake::verify {
namespace {

using guest::Facts;
using guest::Guest;
using plan::Expectations;

/// The other modules with unresolved symbols that a check names at most.
constexpr std::size_t max_others = 20;
constexpr std::size_t max_injected = 10'000;

/// Returns whether the path belongs to a vendor's module: its package or DKMS installs it below extra/ or updates/, or
/// it is linked below weak-updates/. In-tree modules are below kernel/.
bool is_vendor_path(std::string_view path) {
  return path.find("/extra/") != std::string_view::npos || path.find("/weak-updates/") != std::string_view::npos ||
         path.find("/updates/") != std::string_view::npos;
}

Check check_module(Guest& guest, const Expectations& expected) {
  const auto said = guest.shell(fmt::format("modinfo -k {0} -n {1}\nmodinfo -k {0} -F version {1}\n",
                                            shell_quote(expected.kernel), shell_quote(expected.module)));
  constexpr std::size_t max_said = std::size_t{64} << 10U;
  const auto fields = split_lines(std::string_view(said.output).substr(0, max_said));
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

/// The modules that the injected packages own, and those that DKMS built of their sources. A base may have other
/// modules (a Lustre client's); a fault in them is not a fault of the bake.
struct InjectedModules {
  std::set<std::string> names;
  std::map<std::string, std::string> dkms;  ///< sources for DKMS, "iser/25.10" → what `dkms status` says, or empty
  std::string trouble;                      ///< why the names are not known; empty when they are

  [[nodiscard]] bool has(std::string_view path) const { return names.contains(guest::module_name_of(path)); }
};

/// Reads a line "dkms iser/25.10 iser/25.10, 5.14.0-570.12.1.el9_6.x86_64, x86_64: installed".
void add_dkms_status(std::string_view line, InjectedModules& injected) {
  constexpr std::size_t max_line = std::size_t{4} << 10U;
  const auto words = split_words(line.substr(0, max_line));
  if (words.size() < 2) return;
  injected.dkms[words[1]] = words.size() > 2 ? join({words.begin() + 2, words.end()}, " ") : "";
}

/// Returns whether a line of `dkms status` says that the modules are installed as they were built. It may add that a
/// module of the kernel was replaced; "(WARNING! Diff between built and installed module!)" of dkms 3.0 and
/// "(Differences between built and installed modules)" of 3.2 are faults (dkms.in, module_status_built_extra).
bool is_installed(std::string_view status) {
  constexpr std::string_view installed = ": installed";
  const auto at = status.find(installed);
  if (at == std::string_view::npos) return false;
  const auto rest = trim(status.substr(at + installed.size()));
  return rest.empty() || rest == "(original_module exists)" || rest == "(Original modules exist)";
}

/// Checks that DKMS built and installed the modules of all sources for the kernel that boots. A build that fails in the
/// script of a package does not fail its installation.
Check check_dkms(const Expectations& expected, const InjectedModules& injected) {
  if (injected.dkms.empty()) return skipped("dkms", "no injected package has sources for DKMS");
  std::vector<std::string> names;
  std::vector<std::string> wrong;
  for (const auto& [source, status] : injected.dkms) {
    names.push_back(source);
    if (!is_installed(status))
      wrong.push_back(fmt::format("{}: {}", source, status.empty() ? "not known to dkms" : status));
  }
  return {"dkms", wrong.empty(),
          wrong.empty() ? fmt::format("the modules of {} are installed for {}", join(names, ", "), expected.kernel)
                        : join(wrong, "; ")};
}

InjectedModules find_injected(Guest& guest, const Expectations& expected) {
  std::vector<std::string> packages;
  for (const auto& package : expected.packages) packages.push_back(package.name);
  const auto result = guest.shell(
      fmt::format("kernel={0}\n"
                  "files=$({1} {2}) || {{ echo \"$files\"; exit 1; }}\n"
                  "echo \"$files\" | while read -r path; do\n"
                  "  case $path in\n"
                  "    /usr/src/*/dkms.conf)\n"
                  "      name=$(sed -n 's/^PACKAGE_NAME=//p' $path | tr -d '\"' | head -n 1)\n"
                  "      version=$(sed -n 's/^PACKAGE_VERSION=//p' $path | tr -d '\"' | head -n 1)\n"
                  "      for built in /var/lib/dkms/$name/$version/$kernel/*/module/*; do echo module $built; done\n"
                  "      said=$(dkms status -m $name -v $version -k $kernel 2>/dev/null)\n"
                  "      line=$(echo \"$said\" | grep -F \", $kernel, \" | head -n 1)\n"
                  "      echo dkms $name/$version ${{line:-$(echo \"$said\" | head -n 1)}} ;;\n"
                  "    *.ko|*.ko.*) echo module $path ;;\n"
                  "  esac\n"
                  "done\n",
                  shell_quote(expected.kernel), expected.family == guest::Family::rpm ? "rpm -ql" : "dpkg-query -L",
                  guest::quoted(packages)));
  InjectedModules injected;
  for (const auto line : each_line(result.output)) {
    if (injected.names.size() < max_injected && line.starts_with("module ") && line.find(".ko") != std::string::npos)
      injected.names.insert(guest::module_name_of(line));
    if (injected.dkms.size() < max_injected && line.starts_with("dkms ")) add_dkms_status(line, injected);
  }
  if (!result.ok()) injected.trouble = "asking for the files of the injected packages: " + last_lines(result.output);
  if (injected.names.size() == max_injected) injected.trouble = "the injected packages list too many modules";
  if (result.ok() && injected.names.empty()) injected.trouble = "the injected packages have no module";
  return injected;
}

/// The table that depmod compares symbols with, and the option for it; both empty when the guest has no table.
struct SymbolTable {
  std::string option;
  std::string path;
};

SymbolTable find_symbol_table(Guest& guest, const Facts& facts, const std::string& release) {
  const auto* kernel = facts.kernel(release);
  if (kernel != nullptr && kernel->symvers) return {"-E", *kernel->symvers};
  if (kernel == nullptr || !kernel->system_map) return {};
  // Debian's System.map may be a stub that names the package with the real map; a real map has tens of thousands of
  // lines.
  const auto stat = guest.stat(*kernel->system_map);
  return stat && stat->size > 4096 ? SymbolTable{"-F", *kernel->system_map} : SymbolTable{};
}

/// Returns the path in depmod's "depmod: WARNING: PATH needs unknown symbol S" or "… disagrees about version of symbol
/// S".
std::string path_in_complaint(std::string_view line) {
  constexpr std::size_t max_line = std::size_t{16} << 10U;
  for (const auto& word : split_words(line.substr(0, max_line)))
    if (word.starts_with('/')) return word;
  return {};
}

/// Unresolved or disagreeing symbols of injected modules, as the guest's own depmod sees them.
Check check_symbols(Guest& guest, const Facts& facts, const Expectations& expected, const InjectedModules& injected) {
  const auto table = find_symbol_table(guest, facts, expected.kernel);
  if (table.path.empty()) return skipped("symbols", "the guest has neither symvers nor a System.map");
  // depmod cannot read a compressed symvers. Module.symvers of the headers is not compressed.
  const auto said = guest.shell(
      fmt::format("plain=$(mktemp) && said=$(mktemp) || exit 1\n"
                  "trap 'rm -f $plain $said' EXIT\n"
                  "case {1} in *.gz) gzip -dc {1};; *.xz) xz -dc {1};; *) cat {1};; esac >$plain || exit 1\n"
                  "depmod -n -a -e {0} $plain {2} >/dev/null 2>$said || {{ cat $said; exit 1; }}\n"
                  "grep -E '/(extra|updates|weak-updates)/' $said || :\n",
                  table.option, shell_quote(table.path), shell_quote(expected.kernel)));
  if (!said.ok())
    return {"symbols", false, fmt::format("depmod: exit status {}: {}", said.status, last_lines(said.output))};
  Samples wrong;
  std::set<std::string> others;
  for (const auto line : each_line(said.output)) {
    const auto path = path_in_complaint(line);
    if (injected.has(path)) wrong.add(line);
    if (!path.empty() && !injected.has(path) && others.size() < max_others) others.insert(guest::module_name_of(path));
  }
  if (!wrong.empty()) return {"symbols", false, wrong.text("; ")};
  const auto count = injected.names.size();
  return {
      "symbols", true,
      fmt::format(
          "no unresolved symbol in {} injected module{} ({}){}", count, count == 1 ? "" : "s", table.path,
          others.empty() ? "" : "; unresolved in modules of the base: " + join({others.begin(), others.end()}, ", "))};
}

Check check_weak_updates(Guest& guest, const Expectations& expected, const InjectedModules& injected) {
  const auto links = guest.shell(fmt::format(
      "links=/lib/modules/{}/weak-updates\nif [ -d $links ]; then find $links -xtype l; else echo none; fi\n",
      shell_quote(expected.kernel)));
  if (links.ok() && trim(links.output) == "none") return skipped("weak-updates", "the kernel has no weak-updates");
  if (!links.ok())
    return {"weak-updates", false, fmt::format("find: exit status {}: {}", links.status, last_lines(links.output))};
  Samples dangling;
  for (const auto link : each_line(links.output))
    if (injected.has(link)) dangling.add(link);
  return {"weak-updates", dangling.empty(), dangling.empty() ? "no dangling link" : dangling.text()};
}

/// Checks the modules of the vendor's packages.
std::vector<Check> verify_injected(Guest& guest, const Facts& facts, const Expectations& expected,
                                   const InjectedModules& injected) {
  if (expected.module_origin != "vendor") {
    const std::string reason = "the bake injected no module";
    return {skipped("dkms", reason), skipped("symbols", reason), skipped("weak-updates", reason)};
  }
  if (!injected.trouble.empty())
    return {injected.dkms.empty() ? skipped("dkms", "the sources of the injected packages are not known")
                                  : check_dkms(expected, injected),
            {"symbols", false, injected.trouble},
            skipped("weak-updates", "the injected modules are not known")};
  return {check_dkms(expected, injected), check_symbols(guest, facts, expected, injected),
          check_weak_updates(guest, expected, injected)};
}

/// Returns the path from lib/modules/ on, without the suffix of a compressed module: "usr/lib/modules/K/x.ko" and
/// "/lib/modules/K/x.ko.zst" are the same module, which an initramfs may contain uncompressed.
std::string below_modules(const std::string& path) {
  const auto at = path.find("lib/modules/");
  const auto below = at == std::string::npos ? path : path.substr(at);
  const auto suffix = below.rfind(".ko.");
  return suffix == std::string::npos ? below : below.substr(0, suffix + 3);
}

/// Returns the RDMA modules and the injected ones (MLNX_OFED may bring nvme_core) in the initramfs that modprobe there
/// resolves to another file than modprobe in the image.
std::vector<std::string> different_modules(const guest::InitramfsContent& content,
                                           const std::map<std::string, std::string>& in_image,
                                           const InjectedModules& injected) {
  std::set<std::string> names;
  for (const auto& path : content.modules)
    if (guest::is_rdma_module(guest::module_name_of(path)) || injected.has(path))
      names.insert(guest::module_name_of(path));
  std::vector<std::string> wrong;
  for (const auto& name : names) {
    const auto inside = content.resolved.find(name);
    const auto outside = in_image.find(name);
    if (inside == content.resolved.end() && !content.resolved.empty()) continue;  // modprobe there cannot load it
    if (inside == content.resolved.end()) return {"the initramfs has " + name + " and no modules.dep"};
    if (outside == in_image.end() || below_modules(inside->second) != below_modules(outside->second))
      wrong.push_back(fmt::format("the initramfs loads {} from {}, the image from {}", name, inside->second,
                                  outside == in_image.end() ? "nowhere" : outside->second));
  }
  return wrong;
}

Check check_initramfs(Guest& guest, const Facts& facts, const Expectations& expected, const InjectedModules& injected) {
  if (!expected.initramfs) return skipped("initramfs", "the base has no tool that makes one");
  const auto* found = facts.kernel(expected.kernel);
  if (found == nullptr) return {"initramfs", false, "there is none for " + expected.kernel};
  auto kernel = *found;
  // Inspection reads the initramfs of the default kernel only.
  if (!kernel.initramfs_content && kernel.initramfs_trouble.empty()) guest::read_initramfs_of(guest, kernel);
  if (!kernel.initramfs_content) return {"initramfs", false, kernel.initramfs_trouble};
  const auto& content = *kernel.initramfs_content;
  const auto directory = "lib/modules/" + expected.kernel + "/";
  const auto modules_dep = guest.read("/" + directory + "modules.dep").value_or("");
  auto wrong = different_modules(content, guest::resolve_modules(modules_dep, directory), injected);
  for (auto& lack : guest::missing_dependencies(content, modules_dep, expected.initramfs_drivers))
    wrong.push_back(std::move(lack));
  // The initramfs of every supported release contains programs and modules.
  if (!content.has_root || content.modules.empty()) wrong.push_back(*kernel.initramfs + " contains no module");
  std::set<std::string> present;
  for (const auto& path : content.modules) present.insert(guest::module_name_of(path));
  for (const auto& module : expected.initramfs_drivers)
    if (!present.contains(module)) wrong.push_back(module + " is missing");
  const bool without_card =
      std::none_of(present.begin(), present.end(), [](const auto& name) { return name.starts_with("mlx"); });
  return {"initramfs", wrong.empty(),
          wrong.empty()
              ? fmt::format("{}: {} modules, among them the Hyper-V drivers; {}", *kernel.initramfs, present.size(),
                            without_card ? "no driver of the card" : "it loads the same RDMA modules as the image")
              : join(wrong, "; ")};
}

}  // namespace

std::vector<Check> verify_modules(Guest& guest, const Facts& facts, const Expectations& expected) {
  std::vector<Check> checks{check_module(guest, expected)};
  const auto injected = expected.module_origin == "vendor" ? find_injected(guest, expected) : InjectedModules{};
  for (auto& check : verify_injected(guest, facts, expected, injected)) checks.push_back(std::move(check));
  checks.push_back(check_initramfs(guest, facts, expected, injected));
  return checks;
}

}  // namespace bake::verify
