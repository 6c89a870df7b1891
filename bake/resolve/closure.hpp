#pragma once

#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/guest/facts.hpp"

namespace bake::resolve {

/// One package the transaction touches, and why.
struct PackageChange {
  enum class Action { install, upgrade, remove };
  Action action = Action::install;
  std::string name;
  std::string version;  ///< new version; for a removal the installed one
  std::string arch;
  std::string old_version;  ///< of an upgrade
  std::string file;         ///< in the payload, below its root; empty for a removal
  std::size_t payload = 0;  ///< 0: the bundle; 1: the extra packages
  std::string reason;       ///< "wanted", "required by libibverbs", "obsoleted by mlnx-ofa_kernel", …

  friend bool operator==(const PackageChange&, const PackageChange&) = default;
};

/// The answer of the solver: either changes, or every problem at once ("nothing provides tcl, needed by opensm-…").
struct Closure {
  std::vector<PackageChange> changes;  ///< sorted by action, then name
  std::vector<Problem> problems;       ///< where: the package that needs; message: what is missing or conflicts

  [[nodiscard]] bool ok() const { return problems.empty(); }
};

/// What the solver may use besides the guest's packages.
struct PackageSource {
  std::size_t payload = 0;                         ///< as Change::payload
  const bundle::Repository* repository = nullptr;  ///< whose packages they are
  bundle::PackageFormat format = bundle::PackageFormat::rpm;
  /// Text of the index: "Packages" (deb), or primary.xml and filelists.xml, uncompressed (rpm).
  std::string packages_text;
  std::string filelists_text;
};

/// Solves "install `wanted` (package names, or name=version) into the guest from `sources`" with libsolv. Pure: no I/O.
/// The first source is the bundle; later ones are used where the bundle and the guest lack something. Packages named in
/// `never` (mlnx-fw-updater) are not candidates, nor is what an index lists but its repository does not hold.
///
/// A wanted package takes the bundle's version even where the distribution's is newer (`NNmlnxM` compares higher than
/// inbox versions only most of the time), and installed parts of the RDMA stack follow where they can, so that the
/// stack is never mixed. Only RDMA packages, and what a bundle package conflicts with or obsoletes, may be removed;
/// what the image needs to boot, to be reached and to be repaired never is, and no other kernel is brought in: a
/// Problem instead.
///
/// PackageDatabase::dump is the text of /var/lib/dpkg/status on deb systems, and what guest::rpm_dump_query() describes
/// on rpm systems; a dump without its end marker, or with a line that is not understood, is a Problem.
Closure solve(const guest::Facts& facts, const std::vector<PackageSource>& sources,
              const std::vector<std::string>& wanted, const std::vector<std::string>& never);

}  // namespace bake::resolve
