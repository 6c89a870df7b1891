#include <fmt/format.h>

#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/config_text.hpp"
#include "bake/guest/shell.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {
namespace {

/// As packaged, ofed_info prints "OFED-internal-5.5-1.0.3:". The vendor's installer rewrites the script so that it
/// prints the product's name, which MPI builds and health checks parse. bake installs a wrapper earlier on PATH that
/// prints the same name, and leaves the package's file as the package database knows it.
void write_ofed_info_wrapper(const plan::Plan& plan, guest::Guest& guest) {
  if (!plan.name_product || !guest.exists("/usr/bin/ofed_info")) return;
  write_own_file(
      guest, plan::path::ofed_info,
      fmt::format(
          "#!/bin/sh\n"
          "# Prints the product's name as MLNX_OFED's installer makes it (the packaged script prints OFED-internal).\n"
          "case \"$1\" in\n"
          "  -s) echo 'MLNX_OFED_LINUX-{0}:' ;;\n"
          "  -n) echo '{0}' ;;\n"
          "  *) exec /usr/bin/ofed_info \"$@\" ;;\n"
          "esac\n",
          plan.ofed),
      0755);
  guest.set_mode(plan::path::ofed_info, 0755);
}

/// Blacklists the in-tree RDMA modules that the vendor's packages do not replace. They would load against the wrong
/// core and fail systemd-modules-load (Azure/azhpc-images PR#176), which honours blacklists.
void blacklist_inbox_modules(const plan::Plan& plan, guest::Guest& guest) {
  if (plan.blacklist.empty()) return;
  const auto output =
      guest::run(guest, "looking for in-tree RDMA modules",
                 fmt::format("for m in {}; do\n"
                             "  case \"$(modinfo -k {} -n $m 2>/dev/null)\" in */kernel/*) echo $m;; esac\n"
                             "done\n:\n",
                             guest::quoted(plan.blacklist), shell_quote(plan.kernel())));
  constexpr std::size_t max_said = std::size_t{64} << 10U;
  const auto modules = split_words(std::string_view(output).substr(0, max_said));
  if (modules.empty()) return;
  std::string text = "# In-tree modules that are incompatible with the vendor's ib_core in this image.\n";
  for (const auto& module : modules) text += fmt::format("blacklist {}\n", module);
  write_own_file(guest, plan::path::blacklist, text);
}

}  // namespace

void configure_ofed(const plan::Plan& plan, guest::Guest& guest) {
  if (!plan.bundle) return;
  write_ofed_info_wrapper(plan, guest);
  blacklist_inbox_modules(plan, guest);
  if (plan.force_openibd)
    // openibd refuses modules below weak-updates unless FORCE_MODE is set (Azure/azhpc-images PR#119).
    write_config_file(
        guest, plan::path::openib_conf,
        guest::set_key(guest.read(plan::path::openib_conf, guest::config_limit).value_or(""), "FORCE_MODE", "yes"));
}

}  // namespace bake::apply
