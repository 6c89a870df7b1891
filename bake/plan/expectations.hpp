#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/plan/customize.hpp"
#include "bake/plan/secure_boot.hpp"

namespace bake::plan {

/// Packages that the guest's package manager must not update.
struct Hold {
  /// Files whose exclude= list names the packages ("/etc/yum.conf", "/etc/dnf/dnf.conf"); empty for dpkg, which keeps
  /// holds in its database.
  std::vector<std::string> configs;
  std::vector<std::string> packages;  ///< patterns for yum and dnf, exact names for dpkg

  [[nodiscard]] bool empty() const { return packages.empty(); }
  friend bool operator==(const Hold&, const Hold&) = default;
};

/// What gives a user or a stranger the rights of root, or a way in.
struct Privileges {
  /// Setuid and setgid files: path → mode, owner and digest (guest::Guest::fingerprints); only the digest in older
  /// manifests.
  std::map<std::string, std::string> setuid;
  std::map<std::string, std::string> authorized_keys;  ///< files of SSH keys that may log in: path → sha256
  std::vector<std::string> root_accounts;              ///< accounts with the user id 0, without root
  std::vector<std::string> open_accounts;              ///< accounts with an empty password
  /// Files with capabilities: path → mode, owner, digest and capabilities. Nothing: not known; older manifests lack it.
  std::optional<std::map<std::string, std::string>> capabilities = {};

  friend bool operator==(const Privileges&, const Privileges&) = default;
};

/// The state of a finished image. It is part of the image's manifest, so that `bake verify` can compare the image with
/// it years later without the recipe, the bundle or the matrix.
struct Expectations {
  guest::Family family = guest::Family::rpm;
  std::string kernel;                     ///< the default kernel
  std::string module;                     ///< mlx5_core or mlx4_core
  std::string module_origin;              ///< "inbox" or "vendor": the directory that depmod must find the module in
  std::string module_version;             ///< modinfo version of the module, empty: not checked
  std::vector<std::string> services;      ///< enabled services: openibd.service, ib-firstboot.service
  std::vector<std::string> services_off;  ///< disabled services: opensmd.service
  std::vector<guest::InstalledPackage> packages;  ///< installed, in exactly this version
  std::vector<std::string> absent;                ///< not installed: mlnx-fw-updater, removed packages
  bool enable_rdma = false;                       ///< one uncommented OS.EnableRDMA=y in waagent.conf
  Hold hold;
  bool memlock_unlimited = false;                        ///< no limit of locked memory in sessions and services
  std::string network_config = {};                       ///< configures eth0 instead of cloud-init; empty: no such file
  std::map<std::string, std::string> option_files = {};  ///< files of the options: path → state, as above
  std::vector<std::string> initramfs_drivers = {};       ///< modules that the initramfs contains
  bool initramfs = false;  ///< `kernel` has one, with the Hyper-V drivers that are modules
  bool generalized = false;
  std::vector<guest::Account> removed_users;   ///< accounts that `generalize` removed, with their homes
  std::string removed_host_name;               ///< the name of the machine that `generalize` removed
  std::vector<std::string> private_keys = {};  ///< of the base; no other may be in the image
  std::string firstboot_sha256;                ///< of /usr/sbin/ib-firstboot, empty: not installed
  bool firstboot_strict_rate = false;          ///< its configuration says that a slow link is a failure
  std::string ofed;                            ///< "5.5-1.0.3.2" or "inbox"
  CustomizedState customized = {};             ///< what `customize` put into the image
  /// The signatures of its modules. Nothing: the recipe has no `secure_boot`; older manifests lack it.
  std::optional<SecureBootState> secure_boot = {};
  /// Those of the base. The image may have no others, except what a package of the bake installs. Empty: not recorded;
  /// a plan does not need them, and older manifests lack them.
  std::optional<Privileges> base_privileges = {};
  /// Those of the finished image: it must have the same files and accounts later. Empty: not recorded, as above.
  std::optional<Privileges> privileges = {};

  friend bool operator==(const Expectations&, const Expectations&) = default;
};

nlohmann::ordered_json to_json(const Expectations& expectations);
/// Reads the output of to_json(). Throws Error{config} when a field is missing or has another type.
Expectations expectations_from(const nlohmann::json& json);

}  // namespace bake::plan
