#include <fmt/format.h>

#include "bake/apply/deferred.hpp"
#include "bake/apply/packages.hpp"
#include "bake/guest/shell.hpp"

namespace bake::apply {
namespace {

constexpr const char* policy = "/usr/sbin/policy-rc.d";
constexpr const char* policy_aside = "/usr/sbin/policy-rc.d.bake-aside";

/// Forbids service starts from its construction until lift() (Debian policy manual, invoke-rc.d). lift() restores an
/// existing policy.
class NoServices {
 public:
  explicit NoServices(guest::Guest& guest) : guest_(guest) {
    run(guest_, "putting policy-rc.d in place",
        fmt::format("if [ -e {0} ] || [ -L {0} ]; then mv {0} {1}; fi\n"
                    "printf '#!/bin/sh\\n# bake\\nexit 101\\n' > {0}\nchmod 755 {0}\n",
                    policy, policy_aside));
  }
  /// Not a destructor: after a failure the image is deleted anyway, and otherwise an error here must be reported.
  void lift() {
    run(guest_, "removing policy-rc.d",
        fmt::format("rm -f {0}\nif [ -e {1} ] || [ -L {1} ]; then mv {1} {0}; fi\n", policy, policy_aside));
  }

 private:
  guest::Guest& guest_;
};

/// Returns the script that installs `files`. dpkg unpacks all packages of one call before it configures any. It refuses
/// a package whose Pre-Depends (python's on python-minimal) are only unpacked, and installs the others. The script
/// repeats the call while that is the problem; --skip-same-version skips what is installed already. dpkg need not sync
/// every file (--force-unsafe-io): a failure deletes the image, and at the end bake syncs all of it. When a DKMS build
/// fails, the script prints the end of the compiler's log, because the log is deleted with the image.
std::string install_script(const std::vector<std::string>& files, const char* more = "") {
  return fmt::format(
      "log=$(mktemp)\n"
      "for round in 1 2 3 4 5 6; do\n"
      "  status=0\n"
      "  dpkg --force-unsafe-io --force-confdef --force-confold --auto-deconfigure --skip-same-version {}--install {} "
      ">$log 2>&1 || status=$?\n"
      "  cat $log\n"
      "  [ $status != 0 ] && grep -q 'pre-dependency problem' $log || break\n"
      "done\n"
      "rm -f $log\n"
      "if [ $status != 0 ]; then\n"
      "{}"
      "  exit $status\n"
      "fi\n",
      more, guest::quoted(files), show_build_logs);
}

}  // namespace

void change_deb_packages(const Changes& changes, const DeferredTools& tools, guest::Guest& guest) {
  const auto files = package_files(changes);
  const auto removed = removed_packages(changes);
  if (files.empty() && removed.empty()) return;
  NoServices no_services(guest);
  const std::string environment =
      std::string(
          "set -e\nexport DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true SYSTEMD_OFFLINE=1\n") +
      sign_no_modules;
  auto script = environment;
  // Removals first: the vendor's packages own files of the distribution's packages without declaring a conflict. The
  // next step installs new versions of the packages that depend on the removed ones; the solver has shown that all
  // dependencies are satisfied at the end.
  if (!removed.empty()) script += fmt::format("dpkg --force-depends --remove {}\n", guest::quoted(removed));
  const std::string configure = "dpkg --configure --pending\n";
  const auto install = [&](const std::vector<std::string>& some, const DeferredTools& idle, const char* more = "") {
    if (!some.empty()) script += install_script(some, more);
    guest::run(guest, "installing packages in the guest", with_deferred_tools(idle, script + configure));
    script = environment;
  };
  if (!tools.late.empty()) {
    // The solver has shown that the driver's packages satisfy what is missing now.
    install(package_files(only_extras(changes, true)), tools, "--force-depends ");
    install(package_files(only_extras(changes, false)), tools.with_late());
  } else {
    install(files, tools);
  }
  no_services.lift();
}

}  // namespace bake::apply
