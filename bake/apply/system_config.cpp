#include <fmt/format.h>

#include "bake/apply/config_text.hpp"
#include "bake/apply/guest_files.hpp"
#include "bake/apply/shell.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {
namespace {

void enable_rdma(const plan::Plan& plan, guest::Guest& guest) {
  const auto text = guest.read(plan.waagent_config);
  if (!text)
    throw Error(ErrorKind::failed, fmt::format("setting OS.EnableRDMA in '{}': the file is gone", plan.waagent_config));
  write_config_file(guest, plan.waagent_config, set_key(*text, "OS.EnableRDMA", "y"));
}

void hold_packages(const plan::Hold& hold, guest::Guest& guest) {
  for (const auto& config : hold.configs)
    write_config_file(guest, config, exclude_packages(guest.read(config).value_or(""), hold.packages));
  if (!hold.configs.empty()) return;
  std::string selections;
  for (const auto& package : hold.packages) selections += package + " hold\n";
  run(guest, "holding packages", fmt::format("printf '%s' {} | dpkg --set-selections\n", shell_quote(selections)));
}

}  // namespace

void configure_system(const plan::Plan& plan, guest::Guest& guest) {
  if (plan.enable_rdma) enable_rdma(plan, guest);
  if (!plan.hold.empty()) hold_packages(plan.hold, guest);
  if (plan.memlock_unlimited)
    write_own_file(guest, plan::path::limits,
                   "# RDMA pins memory; the default limit of 64 KiB stops every MPI job.\n"
                   "* hard memlock unlimited\n* soft memlock unlimited\n");
}

}  // namespace bake::apply
