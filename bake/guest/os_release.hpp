#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// KEY=value lines with the quoting of os-release(5) and of /etc/default files; the last assignment counts.
std::map<std::string, std::string> parse_assignments(std::string_view text);

/// The "7.7" of "CentOS Linux release 7.7.1908 (Core)", or empty.
std::optional<std::string> minor_release(std::string_view release_text);

/// Reads /etc/os-release (else /usr/lib/os-release). If the version has no minor number, it comes from
/// /etc/centos-release or /etc/redhat-release. Throws Error{failed} when the guest does not name its system.
OsRelease read_os_release(Guest& guest);

/// Returns the family from os-release (ID, ID_LIKE), otherwise from the existing package database. Throws
/// Error{incompatible} for systems with neither rpm nor dpkg.
Family find_family(Guest& guest);

/// Architecture of the guest's own programs, from the ELF header of /bin/true or /bin/sh: "x86_64", "aarch64", …;
/// "unknown" when both files are missing.
std::string find_architecture(Guest& guest);

}  // namespace bake::guest
