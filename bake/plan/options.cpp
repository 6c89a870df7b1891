#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"
#include "bake/plan/steps.hpp"

namespace bake::plan {
namespace {

using recipe::RdmaNames;

constexpr const char* naming_service = "bake-rdma-names.service";

/// openibd.service is of the type oneshot, and systemd does not load such a unit with Restart= before release 245
/// (systemd pull request 13754). EL8 got the change after the 239-58 of EL 8.6 (redhat-plumbers/systemd-rhel8 pull
/// request 284). Its first release is not confirmed: 239-68 is a later one.
bool restarts_oneshot_units(guest::Family family, const std::string& version) {
  return !version.empty() && compare_versions(version, family == guest::Family::deb ? "245" : "239-68") >= 0;
}

void plan_openibd_restart(const Inputs& inputs, Plan& plan) {
  if (!inputs.recipe.configure.openibd_restart || !plan.openibd_after_udev) return;
  const auto version = version_of(inputs, plan, "systemd");
  if (!restarts_oneshot_units(plan.family, version)) {
    plan.warnings.push_back(
        fmt::format("systemd {} does not load openibd.service with Restart=: 'openibd_restart' is left out",
                    version.empty() ? "of an unknown version" : version));
    return;
  }
  plan.option_files.push_back({path::openibd_restart, "systemd starts openibd again when it failed",
                               "# The devices may appear after openibd has looked for them.\n"
                               "[Unit]\n"
                               "StartLimitIntervalSec=120\n"
                               "StartLimitBurst=6\n"
                               "\n"
                               "[Service]\n"
                               "Restart=on-failure\n"
                               "RestartSec=5\n"});
}

/// The text has no rule, so that the rules of rdma-core's file do not apply and nothing renames the devices.
OptionFile kernel_names() {
  return {path::rdma_naming_rules, "RDMA devices keep the kernel's names",
          "# Replaces the file of rdma-core with the same name. Without a rule the devices keep the kernel's names: "
          "mlx5_0.\n"};
}

/// A device that comes back later, for example after maintenance of the host, starts the service again.
OptionFile naming_rules() {
  return {path::rdma_names_rules, "starts the naming service for a new RDMA device",
          fmt::format("ACTION==\"add\", SUBSYSTEM==\"infiniband\", TAG+=\"systemd\", ENV{{SYSTEMD_WANTS}}+=\"{}\"\n",
                      naming_service)};
}

/// `rdma dev set DEV name NEWNAME` is in rdma-dev(8). The link layer is the reliable sign: the Ethernet functions of
/// Accelerated Networking also appear as RDMA devices.
OptionFile naming_program() {
  return {path::rdma_names, "names RDMA devices mlx5_ib0, … (InfiniBand) and mlx5_an0, … (Ethernet)",
          R"(#!/bin/sh
# Names the RDMA devices of mlx5_core by their kind, in the order of their PCI addresses: mlx5_ib0, mlx5_ib1, … for
# InfiniBand, mlx5_an0, … for Ethernet (Accelerated Networking). A device that has such a name keeps it.
class=/sys/class/infiniband

devices() {
  for path in "$class"/*; do
    driver=$(readlink -f "$path/device/driver") || continue
    [ "${driver##*/}" = mlx5_core ] || continue
    address=$(readlink -f "$path/device")
    echo "${address##*/} ${path##*/}"
  done | sort
}

devices | while read -r address name; do
  case $name in mlx5_ib[0-9]* | mlx5_an[0-9]*) continue ;; esac
  case $(cat "$class/$name/ports/1/link_layer") in
    InfiniBand) kind=ib ;;
    Ethernet) kind=an ;;
    *) continue ;;
  esac
  number=0
  while [ -e "$class/mlx5_$kind$number" ]; do number=$((number + 1)); done
  echo "$address: $name is now mlx5_$kind$number"
  rdma dev set "$name" name "mlx5_$kind$number" || exit 1
done
)",
          0755};
}

OptionFile naming_unit() {
  return {path::rdma_names_unit, "runs bake-rdma-names at boot",
          "[Unit]\n"
          "Description=Name RDMA devices by their kind\n"
          "Wants=systemd-udev-settle.service\n"
          "After=systemd-udev-settle.service openibd.service rdma.service\n"
          "Before=ib-firstboot.service\n"
          "# Each new device starts it.\n"
          "StartLimitIntervalSec=0\n"
          "\n"
          "[Service]\n"
          "Type=oneshot\n"
          "ExecStart=/usr/sbin/bake-rdma-names\n"
          "\n"
          "[Install]\n"
          "WantedBy=multi-user.target\n"};
}

/// `rdma dev set` needs iproute2 5.0: the first release after the command came into iproute2-next (netdev, November
/// 2018). The package is iproute2 on Debian and Ubuntu, iproute on CentOS and RHEL.
bool can_rename(const std::string& version) { return !version.empty() && compare_versions(version, "5") >= 0; }

void plan_rdma_names(const Inputs& inputs, Plan& plan) {
  const auto names = inputs.recipe.configure.rdma_names;
  if (names == RdmaNames::inbox) return;
  plan.option_files.push_back(kernel_names());
  if (names == RdmaNames::kernel) return;
  const auto version = version_of(inputs, plan, plan.family == guest::Family::deb ? "iproute2" : "iproute");
  if (!can_rename(version)) {
    plan.warnings.push_back(
        fmt::format("'rdma_names: azure' needs 'rdma dev set' of iproute2 5.0, the image has {}: RDMA devices keep the "
                    "kernel's names",
                    version.empty() ? "none" : version));
    return;
  }
  for (auto& file : {naming_rules(), naming_program(), naming_unit()}) plan.option_files.push_back(file);
  plan.enable_services.emplace_back(naming_service);
}

/// Modules of the recipe, and those that the inbox driver needs.
void plan_modules(const Inputs& inputs, Plan& plan) {
  auto& modules = plan.persist_modules;
  for (const auto& module : inputs.recipe.configure.load_modules)
    if (std::find(modules.begin(), modules.end(), module) == modules.end()) modules.push_back(module);
  if (modules.empty()) return;
  std::string text = "# Modules that are loaded at boot.\n";
  for (const auto& module : modules) text += module + "\n";
  plan.option_files.push_back({path::load_modules, join(modules, ", "), text});
}

}  // namespace

void plan_options(const Inputs& inputs, Plan& plan) {
  plan_modules(inputs, plan);
  plan_rdma_names(inputs, plan);
  plan_openibd_restart(inputs, plan);
}

}  // namespace bake::plan
