#pragma once

#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/guest/facts.hpp"
#include "bake/recipe/customize.hpp"

namespace bake::resolve {

/// A package that is installed, upgraded or removed, and the reason.
struct PackageChange {
  enum class Action { install, upgrade, remove };
  Action action = Action::install;
  std::string name;
  std::string version;  ///< new version; for a removal the installed one
  std::string arch;
  std::string old_version;  ///< of an upgrade
  std::string file;         ///< in the payload, below its root; empty for a removal
  std::size_t payload = 0;  ///< number of the payload disk, as SelectedDriver counts them; 0: the bundle
  std::string reason;       ///< "wanted", "required by libibverbs", "obsoleted by mlnx-ofa_kernel", …
  /// The directory that gets most of the package's files: "/opt" if its file list or its name says so, else "/usr".
  std::string directory = "/usr";
  bool kernel_bundle = false;  ///< the payload has the driver's modules for one kernel (doca-kernel-repo)

  /// Whether the package comes from the extra packages, and not from the driver.
  [[nodiscard]] bool is_extra() const { return payload != 0 && !kernel_bundle; }

  friend bool operator==(const PackageChange&, const PackageChange&) = default;
};

/// A package that neither the guest nor a source has. The connected machine of a user can download it.
struct MissingPackage {
  /// A package, or what a package provides: "tcl", "/usr/bin/perl", "libnl-3.so.200()(64bit)". The first one of
  /// alternatives.
  std::string name;
  std::string relation;   ///< "=", ">=", …; empty: any version
  std::string version;    ///< empty: any version
  std::string needed_by;  ///< the package that needs it, with its version; empty: it is wanted itself

  friend bool operator==(const MissingPackage&, const MissingPackage&) = default;
};

/// The answer of the solver: the changes, or all problems ("nothing provides tcl, needed by opensm-…").
struct Closure {
  std::vector<PackageChange> changes;        ///< sorted by action, then name
  std::vector<Problem> problems;             ///< where: the package; message: its missing dependency or its conflict
  std::vector<MissingPackage> missing = {};  ///< of the problems, sorted by name; none that bake never installs

  [[nodiscard]] bool ok() const { return problems.empty(); }
};

/// A repository that the solver may install packages from.
struct PackageSource {
  std::size_t payload = 0;                         ///< as PackageChange::payload
  const bundle::Repository* repository = nullptr;  ///< the packages
  bundle::PackageFormat format = bundle::PackageFormat::rpm;
  /// Text of the index: "Packages" (deb), or primary.xml and filelists.xml, uncompressed (rpm).
  std::string packages_text;
  std::string filelists_text;
  bool kernel_bundle = false;  ///< as PackageChange::kernel_bundle
};

/// Solves "install `wanted` (package names, or name=version) into the guest from `sources`" with libsolv. Pure: no I/O.
/// The first source is the bundle; later ones are used where the bundle and the guest lack a package. Packages named in
/// `never` (mlnx-fw-updater) are not candidates, and packages that an
/// index lists but its repository does not have are not candidates either. Packages of `customize` come too, and those
/// that it removes go.
///
/// A wanted package gets the bundle's version even if the distribution's is newer (`NNmlnxM` usually compares higher
/// than inbox versions, but not always). Installed parts of the RDMA stack follow if they can, so that the stack is
/// never mixed. Only RDMA packages, and packages that a bundle package conflicts with or obsoletes, may be removed. It
/// is a Problem if the solution removes a package that the image needs to boot, to be reached or to be repaired, or
/// installs another kernel.
///
/// PackageDatabase::dump is the text of /var/lib/dpkg/status on deb systems, and what guest::rpm_dump_query() describes
/// on rpm systems; a dump without its end marker or with an unknown line is a Problem.
Closure solve(const guest::Facts& facts, const std::vector<PackageSource>& sources,
              const std::vector<std::string>& wanted, const std::vector<std::string>& never,
              const recipe::Customize& customize = {});

/// Does the same for the packages of a kernel, which may be installed. No package follows them, and none is removed.
Closure solve_kernel(const guest::Facts& facts, const std::vector<PackageSource>& sources,
                     const std::vector<std::string>& wanted);

}  // namespace bake::resolve
