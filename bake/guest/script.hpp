#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace bake::guest {

/// Where scripts and their output live while they run: in memory, on the guest's /run.
inline constexpr const char* script_directory = "/run/bake";
inline constexpr const char* script_file = "/run/bake/script";
inline constexpr const char* output_file = "/run/bake/output";

/// A command for the appliance's shell, with the guest at `sysroot`: runs script_file with the guest's /bin/sh as root
/// in the guest's root and in a plain environment (PATH, HOME, LC_ALL=C, umask 022, nothing on standard input), both
/// output streams into output_file; prints the exit status. Quicker than a second shell in the guest, where starting a
/// program is what costs. After `limit` the appliance's timeout(1) ends the script and what it started: first asks,
/// then kills.
std::string script_command(std::string_view sysroot, std::chrono::seconds limit);

/// Whether a script that ended with `status` after `took` was ended by its limit: timeout(1) then gives 124, or 137
/// when it had to kill; a script may end with these by itself, but not that late.
bool ended_by_limit(int status, std::chrono::nanoseconds took, std::chrono::seconds limit);

/// The status that script_command() printed. Throws Error{failed} when it printed none.
int parse_status(std::string_view text);

/// Why the guest's /bin/sh could not be started, or empty when it was: chroot(1) ends with 126 or 127 and says so.
std::string_view start_failure(int status, std::string_view output);

/// A command for the appliance's shell that kills what scripts left running in the guest (gpg-agent and the like),
/// which would keep the file systems busy: processes whose root is `sysroot`.
std::string end_programs_command(std::string_view sysroot);

}  // namespace bake::guest
