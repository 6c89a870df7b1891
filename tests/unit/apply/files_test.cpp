#include "bake/plan/files.hpp"

#include <gtest/gtest.h>
#include <map>
#include <set>

#include "bake/apply/apply.hpp"
#include "bake/guest/memory.hpp"

namespace bake::apply {
namespace {

constexpr const char* unit = "[Install]\nWantedBy=multi-user.target\n";

std::map<std::string, std::string> files_in(guest::MemoryGuest& guest) {
  std::map<std::string, std::string> files;
  for (const auto& path : guest.paths())
    if (const auto stat = guest.stat(path); stat && stat->type == guest::FileType::regular)
      files[path] = guest.read(path).value_or("");
  return files;
}

/// A guest in which every script succeeds; the kernel has ib_iser as a module.
guest::MemoryGuest guest_to_change() {
  guest::MemoryGuest guest;
  guest.with_file("/usr/bin/ofed_info")
      .with_file("/usr/lib/systemd/system/openibd.service", unit)
      .with_file("/etc/waagent.conf", "OS.EnableRDMA=n\n")
      .with_file("/etc/infiniband/openib.conf", "ONBOOT=yes\n")
      .with_payload({})
      .with_handler([](const std::string& script) -> std::optional<guest::ShellResult> {
        if (script.find("ib_iser") != std::string::npos) return guest::ShellResult{0, "ib_iser\n"};
        return guest::ShellResult{0, ""};
      });
  return guest;
}

plan::Plan everything() {
  plan::Plan plan;
  plan.bundle = resolve::BundleIdentity{};
  plan.ofed = "5.5-1.0.3.2";
  plan.fit.kind = resolve::FitKind::weak_updates;
  plan.expectations.module_origin = "vendor";
  plan.force_openibd = plan.openibd_after_udev = plan.name_product = true;
  plan.blacklist = {"ib_iser", "ib_srp"};
  plan.option_files = {{plan::path::load_modules, "ib_umad", "ib_umad\n"},
                       {plan::path::rdma_names, "names RDMA devices", "#!/bin/sh\n", 0755},
                       {plan::path::rdma_names_unit, "runs it", unit}};
  plan.enable_services = {"openibd.service", "ib-firstboot.service", "ib-firstboot-late.service",
                          "bake-rdma-names.service"};
  plan.firstboot_late = plan.firstboot_strict_rate = true;
  plan.install_firstboot = plan.enable_rdma = plan.memlock_unlimited = plan.rebuild_initramfs = true;
  plan.waagent_config = "/etc/waagent.conf";
  plan.hold = {{"/etc/yum.conf", "/etc/dnf/dnf.conf"}, {"kernel*"}};
  plan.initramfs_tool = guest::InitramfsTool::initramfs_tools;
  plan.initramfs = "/boot/initrd.img";
  plan.initramfs_drivers = {"hv_netvsc"};
  plan.network = {"/etc/netplan/50-bake.yaml", "network: {version: 2}\n", {"/etc/netplan/50-cloud-init.yaml"}};
  plan.relabel = plan::Relabel::autorelabel;
  return plan;
}

TEST(ApplyFiles, WritesExactlyTheFilesOfThePlan) {
  auto guest = guest_to_change();
  const auto before = files_in(guest);
  const auto plan = everything();
  SilentProgress progress;
  apply(plan, guest, "{}", progress);
  std::set<std::string> written, shown;
  for (const auto& [path, content] : files_in(guest))
    if (!before.contains(path) || before.at(path) != content) written.insert(path);
  for (const auto& file : plan::files_of(plan)) shown.insert(file.path);
  shown.erase(plan.initramfs);  // the guest's own tool writes it
  EXPECT_EQ(written, shown);
}

TEST(ApplyFiles, WritesTheFilesOfOptionsAndEnablesTheirUnit) {
  auto guest = guest_to_change();
  guest.with_file("/usr/sbin/bake-rdma-names", "another program");
  SilentProgress progress;
  const auto plan = everything();
  apply(plan, guest, "{}", progress);
  for (const auto& file : plan.option_files)
    EXPECT_EQ(guest.fingerprints({file.path}, {}).at(file.path), plan::state_of(file)) << file.path;
  EXPECT_EQ(guest.read_link("/etc/systemd/system/multi-user.target.wants/bake-rdma-names.service"),
            plan::path::rdma_names_unit);
}

TEST(ApplyFiles, ReplacesCloudInitsNetworkFile) {
  auto guest = guest_to_change();
  guest.with_file("/etc/netplan/50-cloud-init.yaml", "network: {}\n");
  SilentProgress progress;
  apply(everything(), guest, "{}", progress);
  EXPECT_EQ(guest.read("/etc/netplan/50-cloud-init.yaml"), std::nullopt);
  EXPECT_EQ(guest.read("/etc/netplan/50-bake.yaml"), "network: {version: 2}\n");
  EXPECT_EQ(guest.stat("/etc/netplan/50-bake.yaml")->mode, 0600U);
  EXPECT_EQ(guest.read("/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg"), "network: {config: disabled}\n");
}

TEST(ApplyFiles, AnEmptyPlanWritesOnlyTheManifest) {
  auto guest = guest_to_change();
  const auto before = files_in(guest).size();
  SilentProgress progress;
  apply({}, guest, "{}", progress);
  EXPECT_EQ(files_in(guest).size(), before + 1);
  EXPECT_EQ(guest.read(guest::manifest_path), "{}");
}

}  // namespace
}  // namespace bake::apply
