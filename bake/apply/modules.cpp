#include <algorithm>
#include <fmt/format.h>

#include "bake/apply/deferred.hpp"
#include "bake/apply/packages.hpp"
#include "bake/apply/payloads.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/shell.hpp"
#include "bake/inspect/private_keys.hpp"

namespace bake::apply {
namespace {

using resolve::FitKind;

/// Links the modules of the plan's kmod packages below weak-updates of the kernel that boots, as kmod's weak-modules
/// does. weak-modules itself prints nothing when it skips a kernel (no symvers, no dracut), so bake does not rely on
/// it. Other kmod packages (RHEL's kmod-kvdo is built for the same kernel) are not linked, because the plan did not
/// compare their symbols with this kernel.
void link_weak_updates(const plan::Plan& plan, guest::Guest& guest) {
  std::vector<std::string> names;
  for (const auto& change : plan.changes)
    if (change.action != resolve::PackageChange::Action::remove && change.name.starts_with("kmod-"))
      names.push_back(change.name);
  guest::run(guest, fmt::format("linking the modules into weak-updates of {}", plan.kernel()),
             fmt::format(
                 "set -e\n"
                 "kernel={0}\n"
                 "files=$(rpm -ql {1})\n"
                 "echo \"$files\" | grep -E '/lib/modules/[^/]+/extra/.*[.]ko([.][xg]z)?$' | while read -r module; do\n"
                 "  case $module in */lib/modules/$kernel/*) continue;; esac\n"
                 "  link=/lib/modules/$kernel/weak-updates/${{module#*/extra/}}\n"
                 "  mkdir -p \"${{link%/*}}\"\n"
                 "  ln -sfn \"$module\" \"$link\"\n"
                 "done\n",
                 shell_quote(plan.kernel()), guest::quoted(names)));
}

/// Returns the names of the packages that the plan installs from the bundle. The driver comes first, because the others
/// build against it.
std::vector<std::string> packages_in_build_order(const plan::Plan& plan) {
  std::vector<std::string> names;
  for (const auto& change : plan.changes)
    if (change.action != resolve::PackageChange::Action::remove && !change.is_extra()) names.push_back(change.name);
  std::stable_partition(names.begin(), names.end(), [](const std::string& name) {
    return name.starts_with("mlnx-ofed-kernel") || name.starts_with("mlnx-ofa_kernel");
  });
  return names;
}

/// Returns the programs of the guest that dkms must not call: they make a key for modules or sign them, build an
/// initramfs (post_transaction in /etc/dkms/framework.conf of Fedora's and EPEL's package), or index all modules, which
/// place_modules() does once.
std::vector<std::string> tools_without_use(const plan::Plan& plan) {
  std::vector<std::string> tools;
  for (const auto& tool : plan.deferred)
    if (tool == "kmodsign" || tool == "update-secureboot-policy" || tool == "dracut" || tool == "update-initramfs" ||
        tool == "depmod")
      tools.push_back(tool);
  return tools;
}

/// Shell code that calls `body` for each DKMS source of the plan's packages, with $conf, $name and $version.
std::string for_each_source(const plan::Plan& plan, const std::string& body) {
  return fmt::format(
      "for package in {}; do\n"
      "  files=$({} $package)\n"
      "  for conf in $(echo \"$files\" | grep '^/usr/src/.*/dkms.conf$'); do\n"
      "    name=$(sed -n 's/^PACKAGE_NAME=//p' $conf | tr -d '\"' | head -n 1)\n"
      "    version=$(sed -n 's/^PACKAGE_VERSION=//p' $conf | tr -d '\"' | head -n 1)\n"
      "{}"
      "  done\n"
      "done\n",
      guest::quoted(packages_in_build_order(plan)), plan.family == guest::Family::rpm ? "rpm -ql" : "dpkg-query -L",
      body);
}

/// Shell code that gives dkms all modules that were built before, and unpacks what their builds left in the vendor's
/// source tree. All of them before one is installed: the driver's POST_INSTALL builds the others unless they are built.
/// `dkms ldtarball` ends with an error if the source is added already, after it has loaded the modules.
std::string load_built_modules(const plan::Plan& plan) {
  if (!plan.built_modules) return {};
  const auto directory = payload_mount(plan.built_modules->payload) + "/";
  std::string cases, trees;
  for (const auto& archive : plan.built_modules->archives)
    if (archive.module.empty())
      trees += fmt::format("tar -C / -xzf {} usr/src\n", shell_quote(directory + archive.file));
    else
      cases +=
          fmt::format("      {}) archive={} ;;\n", shell_quote(archive.module), shell_quote(directory + archive.file));
  if (!trees.empty())
    trees +=
        "if [ \"$(readlink /usr/src/ofa_kernel/default)\" = /etc/alternatives/ofa_kernel_headers ]; then\n"
        "  for tree in /usr/src/ofa_kernel/*/$kernel /usr/src/ofa_kernel/$kernel; do\n"
        "    [ ! -d $tree ] || update-alternatives --install /usr/src/ofa_kernel/default ofa_kernel_headers $tree 20\n"
        "  done\n"
        "fi\n";
  return for_each_source(plan,
                         fmt::format("    archive=\n"
                                     "    case $name/$version in\n"
                                     "{}"
                                     "    esac\n"
                                     "    [ -n \"$archive\" ] || continue\n"
                                     "    dkms ldtarball --force -k $kernel --archive $archive ||\n"
                                     "      dkms status -m $name -v $version -k $kernel | grep -Eq 'built|installed'\n",
                                     cases)) +
         trees;
}

/// Builds the DKMS sources of every package that the plan installs, unless the package's own script has done so.
/// Returns what dkms and the compiler printed.
std::string build_dkms(const plan::Plan& plan, guest::Guest& guest) {
  const std::string show_log = plan.built_modules ? "" : "    cat $log 2>/dev/null || :\n";
  const auto script =
      fmt::format("set -e\nkernel={}\nsources=0\n", shell_quote(plan.kernel())) + load_built_modules(plan) +
      for_each_source(plan,
                      "    sources=1\n"
                      "    log=/var/lib/dkms/$name/$version/$kernel/*/log/make.log\n"
                      "    if dkms status -m $name -v $version -k $kernel | grep -q installed; then\n" +
                          show_log +
                          "      continue\n"
                          "    fi\n"
                          "    [ -e /usr/src/$name-$version/dkms.conf ] || dkms add ${conf%/dkms.conf}\n"
                          "    dkms install -m $name -v $version -k $kernel --force || {\n" +
                          show_build_logs +
                          "      exit 1\n"
                          "    }\n" +
                          show_log) +
      "[ $sources = 1 ] || { echo 'no package of the plan has DKMS sources'; exit 1; }\n";
  const auto doing =
      fmt::format("{} the modules for {} with dkms", plan.built_modules ? "installing" : "building", plan.kernel());
  auto result = guest.shell(sign_no_modules + with_deferred_tools({tools_without_use(plan), plan.kernel()}, script));
  if (result.ok()) return std::move(result.output);
  if (plan.built_modules)
    throw Error(ErrorKind::verification, fmt::format("{}: {}", doing, last_lines(result.output)),
                "remove them from the store; the next bake compiles",
                {{Remedy::Action::remove_modules, plan.built_modules->id.substr(0, 12)}});
  throw Error(ErrorKind::verification, fmt::format("{}: {}", doing, last_lines(result.output)),
              "use another release of the driver, or a base with another kernel; -v shows the whole output, --log FILE "
              "keeps it");
}

/// Removes the signing keys that the base did not have, with their certificates: some releases of dkms (3.0.4 to 3.0.6)
/// make one and then do not sign, and a package can bring a tool that signs. The verification reports any other new
/// key.
void remove_private_keys(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  const auto& kept = plan.expectations.private_keys;
  for (const auto& key : guest::find_signing_keys(guest)) {
    if (std::find(kept.begin(), kept.end(), key) != kept.end()) continue;
    progress.detail(fmt::format("removing {}, a private key that the installation made", key));
    guest.remove(key);
    const auto stem = key.substr(0, key.rfind('.'));
    for (const auto* certificate : {".pub", ".der"}) guest.remove(stem + certificate);
  }
}

}  // namespace

std::string place_modules(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  std::string build_log;
  if (plan.fit.kind == FitKind::needs_build) {
    progress.step(plan.built_modules ? "install built modules" : "build modules");
    build_log = build_dkms(plan, guest);
  }
  if (plan.fit.kind == FitKind::weak_updates) link_weak_updates(plan, guest);
  progress.step("depmod");
  // Without a System.map depmod reports no unresolved symbols; the verification checks each symbol.
  guest::run(guest, fmt::format("running depmod for {}", plan.kernel()),
             fmt::format("depmod -a {}\n[ ! -x /sbin/ldconfig ] || /sbin/ldconfig\n", shell_quote(plan.kernel())));
  remove_private_keys(plan, guest, progress);
  return build_log;
}

}  // namespace bake::apply
