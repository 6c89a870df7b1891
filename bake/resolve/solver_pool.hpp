#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/resolve/closure.hpp"

/// The solver behind closure.hpp: what closure.cpp asks and what solver.cpp answers.
namespace bake::resolve {

/// One dependency as rpm records it: `sense` holds the bits less (2), greater (4), equal (8); others are ignored.
struct RpmDependency {
  std::string name;  ///< a name, a path, or a rich dependency "(a if b)"
  unsigned sense = 0;
  std::string evr;
};

struct RpmPackage {
  std::string name;
  std::string evr;  ///< [epoch:]version-release
  std::string arch;
  std::vector<RpmDependency> provides;
  std::vector<RpmDependency> needs;
  std::vector<RpmDependency> obsoletes;
  std::vector<RpmDependency> conflicts;
  std::vector<std::string> files;
};

/// The installed packages, ready for the solver.
struct Installed {
  std::vector<RpmPackage> rpm;
  std::string deb;                             ///< stanzas holding only the fields a solver reads
  std::set<std::string> essential;             ///< deb: packages marked Essential or Protected
  std::map<std::string, std::string> foreign;  ///< deb: Multi-Arch: same packages of another architecture → that one
};

/// Reads PackageDatabase::dump of an rpm system; the format is described in closure.hpp.
Installed read_rpm_dump(std::string_view dump, std::vector<Problem>& problems);

/// Reads /var/lib/dpkg/status: packages that are installed, of `arch` (amd64) or all.
Installed read_dpkg_status(std::string_view status, const std::string& arch, std::vector<Problem>& problems);

struct SolverSource {
  std::size_t payload = 0;
  std::string_view packages_text;
  std::string_view filelists_text;
  /// Packages that are really there, by solver_key(), and their file; what the index lists beyond them is ignored.
  std::map<std::string, std::string> files;
};

/// Name, version without a zero epoch, architecture: what identifies a package in an index.
std::string solver_key(const std::string& name, const std::string& evr, const std::string& arch);

struct SolverWanted {
  std::string name;
  std::string version;  ///< empty: the newest of the first source that has the name
};

struct SolverRequest {
  bool deb = false;
  std::string arch;  ///< in the package manager's words: x86_64 or amd64
  const Installed* installed = nullptr;
  std::vector<SolverSource> sources;  ///< the first is preferred; only its packages may replace newer installed ones
  std::vector<SolverWanted> wanted;
  std::vector<std::string> never;
  /// Installed packages that take the version of the first source when something is wanted.
  std::function<bool(const std::string&)> follows;
  /// Installed packages that give way when something is wanted and the first source does not have them: at all costs
  /// (must_go), or unless something needs them (should_go).
  std::function<bool(const std::string&)> must_go, should_go;
  /// Installed packages that may be removed, besides those that a package of the first source conflicts with.
  std::function<bool(const std::string&)> removable;
  /// Installed packages that stay, whatever conflicts with them.
  std::function<bool(const std::string&)> is_protected;
};

Closure run_solver(const SolverRequest& request);

}  // namespace bake::resolve
