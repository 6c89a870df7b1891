#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// The script that asks the guest's own rpm for everything the dependency closure needs, in one run. Its output is
/// PackageDatabase::dump: lines of tab-separated fields, the first one letter that says what the line is:
///
///     P  name  epoch  version  release  arch     a package begins; epoch is a number or "(none)"
///     p  name  operator  version                 it provides       operator: "", "<", "<=", "=", ">=", ">"
///     r  name  operator  version                 it requires       version: [epoch:]version[-release], or empty
///     o  name  operator  version                 it obsoletes
///     c  name  operator  version                 it conflicts with
///     f  path                                    it owns this file
///
/// A rich dependency, "(a if b)", is a name as it stands in the header. The keys that rpm keeps as packages named
/// gpg-pubkey are in it, with arch "(none)". Lines that begin otherwise are to be ignored.
std::string rpm_dump_query();

/// The query format in that script, for rpm's --queryformat.
std::string rpm_dump_format();

/// One dependency of an rpm package as the dump has it.
struct RpmDependency {
  std::string name;
  std::string op;       ///< "", "<", "<=", "=", ">=", ">"
  std::string version;  ///< [epoch:]version[-release], or empty

  friend bool operator==(const RpmDependency&, const RpmDependency&) = default;
};

struct RpmPackage {
  std::string name;
  std::string epoch;  ///< empty when the package has none
  std::string version;
  std::string release;
  std::string arch;
  std::vector<RpmDependency> provides;
  std::vector<RpmDependency> requires_;
  std::vector<RpmDependency> obsoletes;
  std::vector<RpmDependency> conflicts;
  std::vector<std::string> files;

  /// [epoch:]version-release
  [[nodiscard]] std::string evr() const;
};

/// Reads what rpm_dump_query() printed. Keys (gpg-pubkey) and requirements on rpm itself (rpmlib(…)) are left out; a
/// malformed line is ignored, for the text comes from a guest that may be broken.
std::vector<RpmPackage> parse_rpm_dump(std::string_view dump);

/// The installed packages of a dpkg status file: those whose state is "installed", or waits for or has triggers.
std::vector<InstalledPackage> installed_of_dpkg_status(std::string_view status);

/// Packages of a dpkg status file in a state in which an interrupted dpkg leaves them: "libfoo: half-configured".
std::vector<std::string> unfinished_of_dpkg_status(std::string_view status);

/// Where the guest's package database is and in which format; empty format when there is none.
struct DatabasePlace {
  std::string format;     ///< "dpkg", "rpm-bdb", "rpm-sqlite", "rpm-ndb"
  std::string directory;  ///< /var/lib/dpkg, /var/lib/rpm, /usr/lib/sysimage/rpm
};
DatabasePlace find_database(Guest& guest, Family family);

/// Reads the guest's package database: dpkg's status file, or the answer of the guest's own rpm (its database format
/// is the guest's own; the host's rpm may not read it). Throws Error{failed} when there is none.
PackageDatabase read_package_database(Guest& guest, Family family);

}  // namespace bake::guest
