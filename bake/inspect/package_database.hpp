#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// The script that asks the guest's own rpm for everything the dependency closure needs, in one run. Its output is
/// PackageDatabase::dump; one record per package, of lines whose fields are separated by tabs ("(none)" means a missing
/// tag):
///
///     P <name>\t<epoch>\t<version>\t<release>\t<architecture>
///     v <provided name>\t<flags>\t<[epoch:]version[-release]>      any number
///     r …   o …   c …                                              requires, obsoletes, conflicts: as v
///     f <absolute path of a file>                                  any number
///     E                                                            last line: the dump is complete
///
/// <flags> is rpm's number: less 2, greater 4, equal 8. A rich dependency, "(a if b)", is a name, written as in the
/// header. The dump also contains the keys that rpm stores as packages named gpg-pubkey, with architecture "(none)".
std::string rpm_dump_query();

/// The query format in that script, for rpm's --queryformat.
std::string rpm_dump_format();

/// Returns the packages of a dump, sorted, without keys (gpg-pubkey).
std::vector<InstalledPackage> installed_of_rpm_dump(std::string_view dump);

/// The installed packages of a dpkg status file: those whose state is "installed", or that waits for or has triggers.
std::vector<InstalledPackage> installed_of_dpkg_status(std::string_view status);

/// Packages of a dpkg status file in a state that an interrupted dpkg leaves: "libfoo: half-configured". At most 100.
std::vector<std::string> unfinished_of_dpkg_status(std::string_view status);

/// The place and format of the guest's package database; empty format when there is none.
struct DatabasePlace {
  std::string format;     ///< "dpkg", "rpm-bdb", "rpm-sqlite", "rpm-ndb"
  std::string directory;  ///< /var/lib/dpkg, /var/lib/rpm, /usr/lib/sysimage/rpm
};
DatabasePlace find_database(Guest& guest, Family family);

/// Reads the guest's package database: dpkg's status file, or the output of the guest's own rpm (the rpm of the host
/// may not support the format of the database). Throws Error{failed} when there is none.
PackageDatabase read_package_database(Guest& guest, Family family);

}  // namespace bake::guest
