#include "bake/inspect/outside_modules.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "bake/archive/archive.hpp"
#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/module_elf.hpp"
#include "bake/guest/shell.hpp"

namespace bake::guest {
namespace {

constexpr std::size_t max_modules = 20'000;

/// Prints "bake PATH" or "base PATH" for each module. All paths in the lists begin with /lib, because a package may
/// name the same file below /usr/lib. A package also owns the compressed form of its module: an administrator may have
/// packed the modules.
constexpr const char* script = R"sh(
export LC_ALL=C
tree=/lib/modules/$kernel
work=$(mktemp -d) || exit 1
trap 'rm -rf $work' EXIT
modules() {{ sed -n -e 's,^/usr/lib/modules/,/lib/modules/,' -e '\,^/lib/modules/.*[.]ko,p' | sort -u; }}
packed() {{ sed -e 's/[.]ko.*/.ko/' | sed -e 'p;s/$/.xz/;p;s/xz$/gz/;p;s/gz$/zst/' | sort -u; }}
{{ {owned}; }} | modules | packed >$work/owned
{{ {installed}; }} | modules | packed >$work/installed
{{ find $tree/ -type f -name '*.ko*'; find $tree/ -type l -name '*.ko*' -exec readlink -f {{}} +; }} | modules >$work/present
{{
  grep -v "^$tree/kernel/" $work/present
  comm -12 $work/present $work/installed
  comm -23 $work/present $work/owned
}} | sort -u >$work/outside
real=$(readlink -f /lib/modules)
comm -23 $work/owned $work/installed | comm -12 $work/outside - | sed "s,^/lib/modules,base $real,"
comm -23 $work/owned $work/installed | comm -23 $work/outside - | sed "s,^/lib/modules,bake $real,"
)sh";

/// Returns whether a package is a part of the kernel, whose modules the distribution signed. A bake may install another
/// kernel.
bool is_kernel_package(std::string_view name) {
  static constexpr std::string_view prefixes[] = {"linux-image-",   "linux-modules-", "kernel-core",
                                                  "kernel-modules", "kernel-rt",      "kernel-uki"};
  return name == "kernel" || std::any_of(std::begin(prefixes), std::end(prefixes),
                                         [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace

std::vector<OutsideModule> find_outside_modules(Guest& guest, Family family, const std::string& kernel,
                                                const std::vector<std::string>& installed) {
  const bool rpm = family == Family::rpm;
  std::vector<std::string> packages;
  std::copy_if(installed.begin(), installed.end(), std::back_inserter(packages),
               [](const auto& name) { return !is_kernel_package(name); });
  const auto of_packages =
      packages.empty() ? std::string(":") : (rpm ? "rpm -ql " : "dpkg-query -L ") + quoted(packages);
  const auto output =
      run(guest, fmt::format("listing the modules of {}", kernel),
          fmt::format("kernel={}\n", shell_quote(kernel)) +
              fmt::format(fmt::runtime(script), fmt::arg("owned", rpm ? "rpm -qal" : "cat /var/lib/dpkg/info/*.list"),
                          fmt::arg("installed", of_packages)));
  std::vector<OutsideModule> modules;
  for (const auto line : each_line(output)) {
    const bool of_base = line.starts_with("base /");
    if (!of_base && !line.starts_with("bake /")) continue;
    constexpr std::size_t mark = 5;
    std::string path(line.substr(mark));
    if (!is_module_path(path)) continue;
    if (printable(path) != path)
      throw Error(ErrorKind::untrusted,
                  fmt::format("listing the modules of {}: the name '{}' is not printable", kernel, printable(path)));
    if (modules.size() == max_modules)
      throw Error(ErrorKind::failed,
                  fmt::format("listing the modules of {}: there are more than {}", kernel, max_modules));
    modules.push_back({std::move(path), of_base});
  }
  std::sort(modules.begin(), modules.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return modules;
}

std::map<std::string, std::string> base_modules(Guest& guest, Family family, const std::string& kernel) {
  std::vector<std::string> paths;
  for (auto& module : find_outside_modules(guest, family, kernel, {})) paths.push_back(std::move(module.path));
  return paths.empty() ? std::map<std::string, std::string>() : guest.fingerprints(paths, {});
}

std::string read_unpacked_module(Guest& guest, const std::string& path) {
  auto bytes = guest.read(path, max_module);
  if (!bytes) throw Error(ErrorKind::failed, fmt::format("reading module '{}': it is missing", path));
  return archive::unpack(std::move(*bytes), path, max_module);
}

}  // namespace bake::guest
