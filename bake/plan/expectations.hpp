#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"

namespace bake::plan {

/// Keeps packages from being updated away, in the guest's own package manager's words.
struct Hold {
  /// Files whose exclude= list names them ("/etc/yum.conf", "/etc/dnf/dnf.conf"); empty for dpkg, whose own database
  /// does.
  std::vector<std::string> configs;
  std::vector<std::string> packages;  ///< patterns for yum and dnf, exact names for dpkg

  [[nodiscard]] bool empty() const { return packages.empty(); }
  friend bool operator==(const Hold&, const Hold&) = default;
};

/// What a finished image must be. Written into its manifest, so that `bake verify` can hold the image to it years later
/// without the recipe, the bundle or the matrix.
struct Expectations {
  guest::Family family = guest::Family::rpm;
  std::string kernel;                             ///< that boots by default
  std::string module;                             ///< mlx5_core or mlx4_core
  std::string module_origin;                      ///< "inbox" or "vendor": where depmod must resolve it to
  std::string module_version;                     ///< modinfo version of the module, empty: not checked
  std::vector<std::string> services;              ///< enabled: openibd.service, ib-firstboot.service
  std::vector<std::string> services_off;          ///< not enabled: opensmd.service
  std::vector<guest::InstalledPackage> packages;  ///< installed, in exactly this version
  std::vector<std::string> absent;                ///< not installed: mlnx-fw-updater, what the plan removed
  bool enable_rdma = false;                       ///< one uncommented OS.EnableRDMA=y in waagent.conf
  Hold hold;
  bool initramfs = false;  ///< there is one for `kernel`, with the Hyper-V drivers that are modules
  bool generalized = false;
  std::string firstboot_sha256;  ///< of /usr/sbin/ib-firstboot, empty: not installed
  std::string ofed;              ///< "5.5-1.0.3.2" or "inbox"

  friend bool operator==(const Expectations&, const Expectations&) = default;
};

nlohmann::ordered_json to_json(const Expectations& expectations);
/// Throws Error{config} when `json` is not what to_json() wrote.
Expectations expectations_from(const nlohmann::json& json);

}  // namespace bake::plan
