#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/guest/facts.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/closure.hpp"
#include "bake/resolve/kernel_fit.hpp"
#include "bake/resolve/select_driver.hpp"
#include "matrix/matrix.hpp"

namespace bake::resolve {

/// The selected bundle, without its files.
struct BundleIdentity {
  std::string name;     ///< "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64"
  std::string id;       ///< sha256 of the archive
  std::string version;  ///< "5.5-1.0.3.2"
  std::string distro;
  std::string arch;
  std::string repository;  ///< directory below the payload's root: "RPMS", "DEBS/UPSTREAM_LIBS"
};

/// Modules that were compiled before and that the image gets instead of a build.
struct UsedModules {
  std::string name;         ///< bundle::BuiltModules::name
  std::string id;           ///< sha256 of the file that was added to the store
  std::size_t payload = 0;  ///< number of the payload disk
  std::vector<bundle::ModuleArchive> archives;

  friend bool operator==(const UsedModules&, const UsedModules&) = default;
};

/// Which driver and which packages the image gets, and whether they fit the kernel that boots.
struct Resolution {
  matrix::Choice choice;
  std::optional<BundleIdentity> bundle;  ///< empty for the inbox driver
  std::string kernel_bundle;             ///< name of the doca-kernel-repo package whose modules are used, or empty
  std::string distro;                    ///< of the operating system, as bundles call it: "rhel9.6"
  std::vector<std::string> wanted;       ///< package names for the solver
  Closure closure;
  KernelFit fit;
  std::optional<UsedModules> built_modules;            ///< only if the fit needs a build
  NewModules new_modules;                              ///< of the packages that the image gets
  std::string module_version;                          ///< version of the mlx module in the bundle; empty when unknown
  std::map<std::string, std::uint64_t> install_bytes;  ///< size of the new packages, unpacked, by directory: /usr, /opt
  std::size_t extra_payloads = 0;                      ///< number of payload disks in addition to the bundle's
  std::vector<Problem> matrix_problems;                ///< why the matrix refuses the driver on this kernel
  std::vector<std::string> generation_warnings;        ///< VM sizes that the disk cannot start
  std::set<int> vm_generations{1, 2};                  ///< in which VMs start from the image
  std::vector<std::string> agent_warnings;  ///< warnings of the matrix about IPoIB with the guest's waagent version
};

/// Resolves a recipe for a guest: matrix, package set, dependency closure and kernel fit. `texts` are the package
/// indexes of the driver's payloads, in the order of SelectedDriver::payloads(). Pure: libsolv works in memory.
Resolution resolve(const recipe::Recipe& recipe, SelectedDriver driver, const guest::Facts& facts,
                   const matrix::Matrix& matrix, const std::vector<bundle::IndexTexts>& texts);

}  // namespace bake::resolve
