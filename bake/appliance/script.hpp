#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bake::guest {

/// The directory of scripts and their output while they run: in memory, on the guest's /run.
inline constexpr const char* script_directory = "/run/bake";
inline constexpr const char* script_file = "/run/bake/script";
inline constexpr const char* output_file = "/run/bake/output";

/// A command for the appliance's shell, with the guest at `sysroot`: runs script_file with the guest's /bin/sh as root
/// in the guest's root and in a plain environment (PATH, HOME, LC_ALL=C, umask 022, nothing on standard input), both
/// output streams into output_file; prints the exit status. Faster than a second shell in the guest, because starting a
/// program is the expensive part. After `limit` the appliance's timeout(1) ends the script and its children: first with
/// SIGTERM, then with SIGKILL.
std::string script_command(std::string_view sysroot, std::chrono::seconds limit);

/// True when a script that ended with `status` after `took` was ended by its limit: timeout(1) then returns 124, or 137
/// after SIGKILL. A script may return these values itself, but not after the limit.
bool ended_by_limit(int status, std::chrono::nanoseconds took, std::chrono::seconds limit);

/// A command for the appliance's shell that runs `command` with the appliance's own programs in the directory `sysroot`
/// and prints its exit status. It ends after `limit`, as script_command() does.
std::string limited_command(std::string_view sysroot, std::string_view command, std::chrono::seconds limit);

// Commands for limited_command(). They count paths from the root on (".PATH").

/// Files of fingerprint_command(): what to look at, and what it found; all separated by NUL.
inline constexpr const char* files_list = "/run/bake/files";
inline constexpr const char* trees_list = "/run/bake/trees";
inline constexpr const char* states_file = "/run/bake/states";
inline constexpr const char* digests_file = "/run/bake/digests";

/// Computes, with find and sha256sum, the state of each path in files_list and of each file below a path in trees_list.
std::string fingerprint_command();

/// What privileged_command() found: paths separated by NUL, and the output of getfattr(1), which is missing when the
/// appliance does not have that program.
inline constexpr const char* setuid_file = "/run/bake/setuid";
inline constexpr const char* capabilities_file = "/run/bake/capabilities";

/// Searches setuid and setgid files, and executable files with capabilities.
std::string privileged_command();

/// Returns path → value of each attribute that getfattr(1) printed.
std::map<std::string, std::string> parse_capabilities(std::string_view text);

/// What without_label_command() found: lines that end with a path, as getfattr(1) escapes it. Missing when the
/// appliance does not have that program.
inline constexpr const char* without_label_file = "/run/bake/without-label";

/// Searches the files of Guest::files_without_label().
std::string without_label_command();

/// Returns the paths in such lines, sorted.
std::vector<std::string> parse_without_label(std::string_view text);

/// What tree_digest_command() found, as sha256sum(1) prints it.
inline constexpr const char* tree_digest_file = "/run/bake/tree-digest";

/// Computes the digest of Guest::tree_digest().
std::string tree_digest_command();

/// The content of a list: the paths from the root on (".PATH"), and with `parents` the directories above them too.
/// Leaves out paths that are not stored on the disk.
std::string fingerprint_list(const std::vector<std::string>& paths, bool parents);

/// Returns path → state as Guest::fingerprints() does. A path below a directory that `states` shows as a link is left
/// out: the appliance has followed that link to a file that a started VM may not use.
std::map<std::string, std::string> parse_fingerprints(std::string_view states, std::string_view digests);

/// Returns the status that script_command() printed. Throws Error{failed} when it printed none.
int parse_status(std::string_view text);

/// Returns why the guest's /bin/sh did not start, or empty when it started: chroot(1) then ends with 126 or 127 and a
/// message.
std::string_view start_failure(int status, std::string_view output);

/// A command for the appliance's shell that kills processes that scripts left running in the guest (for example
/// gpg-agent), which would keep the file systems busy: processes whose root is `sysroot`. It looks again until there is
/// none, because a process may start others meanwhile.
std::string end_programs_command(std::string_view sysroot);

}  // namespace bake::guest
