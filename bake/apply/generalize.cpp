#include "bake/apply/shell.hpp"
#include "bake/apply/steps.hpp"

namespace bake::apply {

void generalize(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  if (!plan.generalize) return;
  progress.step("generalize");
  run(guest, "generalizing the image",
      "set -e\n"
      // Emptied, not removed: systemd makes a new id at boot only when the file exists.
      ": > /etc/machine-id\n"
      "[ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id\n"
      "rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub\n"
      "rm -rf /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem\n"
      "rm -rf /var/lib/waagent/* /var/log/azure/* /var/lib/ib-firstboot\n"
      "rm -f /var/lib/hyperv/.kvp_pool_*\n"
      "rm -f /etc/udev/rules.d/70-persistent-net.rules /etc/udev/rules.d/75-persistent-net-generator.rules\n"
      "rm -f /var/lib/dhclient/*.lease* /var/lib/dhcp/*.lease* /var/lib/NetworkManager/*.lease\n"
      "rm -f /var/lib/systemd/random-seed\n"
      "rm -f /root/.bash_history /home/*/.bash_history /root/.viminfo /root/.lesshst\n"
      "rm -rf /var/log/journal/* /run/log/journal/*\n"
      "find /var/log -type f \\( -name '*.gz' -o -name '*.xz' -o -name '*.[0-9]' -o -name '*-20[0-9][0-9]*' \\) "
      "-exec rm -f {} +\n"
      "find /var/log -type f -exec sh -c 'for f; do : > \"$f\"; done' sh {} +\n"
      "find /tmp /var/tmp -mindepth 1 -maxdepth 1 -exec rm -rf {} +\n");
}

}  // namespace bake::apply
