#include <fmt/format.h>

#include "bake/apply/packages.hpp"
#include "bake/apply/shell.hpp"

namespace bake::apply {
namespace {

constexpr const char* policy = "/usr/sbin/policy-rc.d";
constexpr const char* policy_aside = "/usr/sbin/policy-rc.d.bake-aside";

/// Denies service starts while it lives (Debian policy manual, invoke-rc.d); an existing policy comes back afterwards.
class NoServices {
 public:
  explicit NoServices(guest::Guest& guest) : guest_(guest) {
    run(guest_, "putting policy-rc.d in place",
        fmt::format("[ ! -e {0} ] || mv {0} {1}\nprintf '#!/bin/sh\\nexit 101\\n' > {0}\nchmod 755 {0}\n", policy,
                    policy_aside));
  }
  /// Not in a destructor: when something failed the image is thrown away, and when not this must be known to work.
  void lift() {
    run(guest_, "removing policy-rc.d", fmt::format("rm -f {0}\n[ ! -e {1} ] || mv {1} {0}\n", policy, policy_aside));
  }

 private:
  guest::Guest& guest_;
};

/// dpkg unpacks all of one call before it configures any, and refuses a package whose Pre-Depends (python's on
/// python-minimal) is only unpacked; everything else goes on. So the call is repeated while that is what is wrong, for
/// what is not there yet. Of a DKMS build that fails, the compiler's log dies with the image: its end is shown.
std::string install_script(const std::vector<std::string>& files) {
  return fmt::format(
      "log=$(mktemp)\n"
      "for round in 1 2 3 4 5 6; do\n"
      "  status=0\n"
      "  dpkg --force-confdef --force-confold --auto-deconfigure --skip-same-version --install {} >$log 2>&1 || "
      "status=$?\n"
      "  cat $log\n"
      "  [ $status != 0 ] && grep -q 'pre-dependency problem' $log || break\n"
      "done\n"
      "rm -f $log\n"
      "if [ $status != 0 ]; then\n"
      "{}"
      "  exit $status\n"
      "fi\n",
      quoted(files), show_build_logs);
}

}  // namespace

void change_deb_packages(const plan::Plan& plan, guest::Guest& guest) {
  const auto files = package_files(plan);
  const auto removed = removed_packages(plan);
  if (files.empty() && removed.empty()) return;
  NoServices no_services(guest);
  std::string script =
      "set -e\n"
      "export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true SYSTEMD_OFFLINE=1\n";
  // First what goes: the vendor's packages own files of the distribution's without declaring a conflict. What depends
  // on it gets a new version in the next step; the closure has shown that everything is satisfied in the end.
  if (!removed.empty()) script += fmt::format("dpkg --force-depends --remove {}\n", quoted(removed));
  if (!files.empty()) script += install_script(files);
  script += "dpkg --configure --pending\n";
  run(guest, "installing packages in the guest", script);
  no_services.lift();
}

}  // namespace bake::apply
