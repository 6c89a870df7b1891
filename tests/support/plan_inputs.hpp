// Inputs of plans for a CentOS 7.7 and an Ubuntu 20.04 guest, and a bundle for each.
#pragma once

#include <map>
#include <string>

#include "bake/plan/plan.hpp"
#include "tests/support/golden.hpp"

namespace bake::plan {

using bundle::BundlePackage;
using bundle::PackageFormat;
using bundle::Repository;
using guest::Facts;
using guest::Family;
using guest::ModuleFacts;
using resolve::PackageChange;
using Symvers = std::map<std::string, std::uint32_t>;

inline constexpr const char* ga = "3.10.0-1062.el7.x86_64";
inline constexpr const char* z_stream = "3.10.0-1062.12.1.el7.x86_64";
inline constexpr const char* azure = "5.4.0-1040-azure";

inline Facts centos(const std::string& kernel) {
  Facts facts;
  facts.os = {"centos", "7.7", "CentOS Linux 7 (Core)"};
  facts.arch = "x86_64";
  facts.kernels = {{kernel,
                    "/boot/vmlinuz-" + kernel,
                    "/boot/initramfs-" + kernel + ".img",
                    std::nullopt,
                    "/boot/symvers-" + kernel + ".gz",
                    std::nullopt,
                    {},
                    false}};
  facts.default_kernel = kernel;
  facts.default_kernel_how = "grubenv saved_entry";
  facts.packages = {"rpm-bdb", {{"rdma-core", "17.2-3.el7", "x86_64"}}, "", ""};
  facts.initramfs_tool = guest::InitramfsTool::dracut;
  facts.selinux = {"enforcing", "targeted", "/etc/selinux/targeted/contexts/files/file_contexts", true};
  facts.waagent = guest::Waagent{"2.2.46", "/etc/waagent.conf", false, "waagent.service"};
  facts.layout = {"gpt",
                  true,
                  true,
                  {{"/dev/rootvg/rootlv", "xfs", "/", 30ULL << 30, 20ULL << 30, ""},
                   {"/dev/sda2", "xfs", "/boot", 500ULL << 20, 300ULL << 20, ""}}};
  facts.programs = {"ifconfig", "yum", "dracut", "depmod", "setfiles"};
  return facts;
}

inline Facts ubuntu(const std::string& kernel) {
  Facts facts;
  facts.os = {"ubuntu", "20.04", "Ubuntu 20.04.6 LTS"};
  facts.family = Family::deb;
  facts.arch = "x86_64";
  facts.kernels = {{kernel,
                    "/boot/vmlinuz-" + kernel,
                    "/boot/initrd.img-" + kernel,
                    "/boot/config-" + kernel,
                    std::nullopt,
                    std::nullopt,
                    {},
                    false}};
  facts.default_kernel = kernel;
  facts.default_kernel_how = "first entry of /boot/grub/grub.cfg";
  facts.packages = {
      "dpkg", {{"linux-azure", "5.4.0.1040.38", "amd64"}, {"linux-image-" + kernel, "5.4.0-1040.42", "amd64"}}, "", ""};
  facts.initramfs_tool = guest::InitramfsTool::initramfs_tools;
  facts.waagent = guest::Waagent{"2.2.46", "/etc/waagent.conf", false, "walinuxagent.service"};
  facts.layout = {"gpt", false, true, {{"/dev/sda1", "ext4", "/", 30ULL << 30, 20ULL << 30, ""}}};
  facts.programs = {"ifconfig", "dpkg", "apt-mark", "update-initramfs", "depmod"};
  return facts;
}

inline ModuleFacts mlx5(const std::string& directory, const std::string& kernel, const Symvers& imports) {
  return {"mlx5_core", "/lib/modules/" + kernel + directory + "/mlx5_core.ko",
          "5.5-1.0.3", kernel + " SMP mod_unload modversions ",
          imports,     {}};
}

inline const Symvers kernel_symbols{{"pci_enable_device", 0x1111}, {"netif_rx", 0x2222}};

inline Repository rpm_repository() {
  BundlePackage kmod{
      "kmod-mlnx-ofa_kernel", "5.5-OFED.5.5.1.0.3.1.rhel7u7", "x86_64", "RPMS/kmod.rpm", 1000, 5000, "", {}, ga, false};
  kmod.modules = {mlx5("/extra/mlnx-ofa_kernel", ga, kernel_symbols)};
  const BundlePackage base{
      "mlnx-ofa_kernel", "5.5-OFED.5.5.1.0.3.1.rhel7u7", "x86_64", "RPMS/base.rpm", 100, 500, "", {}, "", false};
  return {"flat", "RPMS", true, {kmod, base}};
}

inline Repository deb_repository(bool prebuilt) {
  BundlePackage kernel_part{
      "mlnx-ofed-kernel-dkms", "5.5-OFED.5.5.1.0.3.1", "all", "DEBS/dkms.deb", 1000, 5000, "", {}, "", true};
  if (prebuilt) {
    kernel_part = {"mlnx-ofed-kernel-modules",
                   "5.5-OFED.5.5.1.0.3.1.kver.5.4.0-1040-azure",
                   "amd64",
                   "DEBS/modules.deb",
                   1000,
                   5000,
                   "",
                   {},
                   azure,
                   false};
    kernel_part.modules = {mlx5("/updates/dkms", azure, kernel_symbols)};
  }
  const BundlePackage utils{
      "mlnx-ofed-kernel-utils", "5.5-OFED.5.5.1.0.3.1", "amd64", "DEBS/utils.deb", 100, 500, "", {}, "", false};
  return {"flat", "DEBS", true, {kernel_part, utils}};
}

inline Inputs inputs_for(Facts facts, const Repository& repository, PackageFormat format, const Symvers* symvers) {
  for (auto& kernel : facts.kernels) {
    if (symvers != nullptr) kernel.symbol_versions = *symvers;
    if (symvers == nullptr) kernel.symvers.reset();
  }
  Inputs inputs;
  inputs.recipe.name = "example";
  inputs.recipe.os = {facts.os.id, facts.os.version};
  inputs.recipe.vm_sizes = {"Standard_HB120rs_v2"};
  inputs.facts = facts;
  inputs.resolution.choice.ofed = "5.5-1.0.3.2";
  inputs.resolution.choice.distro = facts.family == Family::rpm ? "rhel7.7" : "ubuntu20.04";
  inputs.resolution.distro = inputs.resolution.choice.distro;
  inputs.resolution.choice.driver = "mlx5_core";
  inputs.resolution.bundle =
      resolve::BundleIdentity{"MLNX_OFED_LINUX-5.5-1.0.3.2-" + inputs.resolution.choice.distro + "-x86_64",
                              std::string(64, 'a'),
                              "5.5-1.0.3.2",
                              inputs.resolution.choice.distro,
                              "x86_64",
                              repository.directory};
  for (const auto& package : repository.packages) {
    inputs.resolution.wanted.push_back(package.name);
    inputs.resolution.closure.changes.push_back(
        {PackageChange::Action::install, package.name, package.version, package.arch, "", package.file, 0, "wanted"});
  }
  inputs.resolution.fit =
      resolve::decide_fit(facts, facts.default_kernel, repository, format, inputs.resolution.wanted, {});
  inputs.resolution.new_modules = resolve::new_modules(repository, inputs.resolution.wanted, {});
  inputs.resolution.module_version = "5.5-1.0.3";
  inputs.resolution.install_bytes = {{"/usr", 100 << 20}};
  inputs.firstboot_sha256 = std::string(64, 'f');
  return inputs;
}

inline void expect_plan(const std::string& golden, const Inputs& inputs) {
  testing::expect_golden(golden, to_json(make(inputs)).dump(2) + "\n");
}

}  // namespace bake::plan
