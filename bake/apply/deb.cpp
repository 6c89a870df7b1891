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

}  // namespace

void change_deb_packages(const plan::Plan& plan, guest::Guest& guest) {
  const auto files = package_files(plan);
  const auto removed = removed_packages(plan);
  if (files.empty() && removed.empty()) return;
  NoServices no_services(guest);
  std::string script =
      "set -e\n"
      "export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true SYSTEMD_OFFLINE=1\n";
  // A package marked for removal is taken away by dpkg the moment a new one conflicts with it, as apt does it.
  for (const auto& name : removed) script += fmt::format("echo {} deinstall | dpkg --set-selections\n", quoted({name}));
  if (!files.empty())
    script += fmt::format("dpkg --force-confdef --force-confold --auto-deconfigure --install {}\n", quoted(files));
  for (const auto& name : removed)
    script += fmt::format(
        "case \"$(dpkg-query -W -f '${{db:Status-Status}}' {0} 2>/dev/null)\" in installed|half*|unpacked) "
        "dpkg --remove {0};; esac\n",
        quoted({name}));
  script += "dpkg --configure --pending\n";
  run(guest, "installing packages in the guest", script);
  no_services.lift();
}

}  // namespace bake::apply
