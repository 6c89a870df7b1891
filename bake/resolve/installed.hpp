#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"

/// The package database of a guest as input for the solver.
namespace bake::resolve {

/// One dependency in the form of rpm: `sense` has the bits less (2), greater (4) and equal (8); others are ignored.
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

/// The installed packages in the form that the solver reads.
struct Installed {
  std::vector<RpmPackage> rpm;
  std::string deb;                             ///< stanzas with only the fields that a solver reads
  std::set<std::string> essential;             ///< deb: packages marked Essential or Protected
  std::map<std::string, std::string> foreign;  ///< deb: Multi-Arch: same packages → their other architecture
};

/// Reads PackageDatabase::dump of an rpm system; guest::rpm_dump_query() describes the format. Adds a problem when the
/// text is incomplete or has an unknown line.
Installed read_rpm_dump(std::string_view dump, std::vector<Problem>& problems);

/// Reads /var/lib/dpkg/status: the installed packages of `arch` (amd64) or "all". Adds a problem for every package
/// whose installation is not complete.
Installed read_dpkg_status(std::string_view status, const std::string& arch, std::vector<Problem>& problems);

}  // namespace bake::resolve
