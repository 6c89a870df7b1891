#include <fmt/format.h>

#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/config_text.hpp"
#include "bake/guest/shell.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {
namespace {

void enable_rdma(const plan::Plan& plan, guest::Guest& guest) {
  const auto text = guest.read(plan.waagent_config, guest::config_limit);
  if (!text)
    throw Error(ErrorKind::failed, fmt::format("setting OS.EnableRDMA in '{}': the file is gone", plan.waagent_config));
  write_config_file(guest, plan.waagent_config, guest::set_key(*text, "OS.EnableRDMA", "y"));
}

void hold_packages(const plan::Hold& hold, guest::Guest& guest) {
  for (const auto& config : hold.configs)
    write_config_file(guest, config,
                      guest::exclude_packages(guest.read(config, guest::config_limit).value_or(""), hold.packages));
  if (!hold.configs.empty()) return;
  std::string selections;
  for (const auto& package : hold.packages) selections += package + " hold\n";
  guest::run(guest, "holding packages",
             fmt::format("printf '%s' {} | dpkg --set-selections\n", shell_quote(selections)));
}

void lift_memory_limit(guest::Guest& guest) {
  write_own_file(guest, plan::path::limits,
                 "# RDMA pins memory; the default limit of 64 KiB stops every MPI job.\n"
                 "* hard memlock unlimited\n* soft memlock unlimited\n");
  // limits.d is for sessions of PAM only. systemd 219 (EL7) and later read this directory and accept this word
  // (systemd v219: src/core/main.c, CONF_DIRS_NULSTR; src/core/load-fragment.c, config_parse_limit).
  write_own_file(guest, plan::path::service_limits,
                 "# RDMA pins memory also in services that start MPI jobs (slurmd, pbs_mom).\n"
                 "[Manager]\nDefaultLimitMEMLOCK=infinity\n");
}

/// Turns off cloud-init's network configuration (cloud-init, doc/rtd/reference/network-config.rst).
void configure_network(const plan::NetworkConfig& network, guest::Guest& guest) {
  for (const auto& file : network.replaced) guest.remove(file);
  write_own_file(guest, plan::path::no_cloud_init_network, "network: {config: disabled}\n");
  // netplan warns about files that others can read.
  write_own_file(guest, network.file, network.text, network.file.ends_with(".yaml") ? 0600 : 0644);
}

}  // namespace

void configure_system(const plan::Plan& plan, guest::Guest& guest) {
  if (plan.enable_rdma) enable_rdma(plan, guest);
  if (!plan.hold.empty()) hold_packages(plan.hold, guest);
  if (plan.memlock_unlimited) lift_memory_limit(guest);
  if (!plan.network.empty()) configure_network(plan.network, guest);
}

}  // namespace bake::apply
