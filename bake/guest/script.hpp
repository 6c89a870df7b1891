#pragma once

#include <string>
#include <string_view>

namespace bake::guest {

/// Where scripts and their output live while they run: in memory, on the guest's /run.
inline constexpr const char* script_directory = "/run/bake";
inline constexpr const char* script_file = "/run/bake/script";
inline constexpr const char* output_file = "/run/bake/output";

/// True when `script` is too long for one argument of execve(2) (128 KiB) and must be put in script_file.
bool needs_file(std::string_view script);

/// A command for /bin/sh that runs `body` in a shell of its own with a plain environment (PATH, HOME, LC_ALL=C, umask
/// 022, nothing on standard input), sends both output streams to output_file and prints the exit status.
std::string wrap_script(std::string_view body);

/// The status that a wrapped script printed. Throws Error{failed} when it printed none.
int parse_status(std::string_view printed);

/// A command that kills what scripts left running in the guest (gpg-agent and the like): it would keep the file systems
/// busy. Only processes whose root is the guest's root are touched.
std::string end_leftover_programs();

}  // namespace bake::guest
