#pragma once

#include <string>
#include <string_view>

namespace bake::guest {

/// Where scripts and their output live while they run: in memory, on the guest's /run.
inline constexpr const char* script_directory = "/run/bake";
inline constexpr const char* script_runner = "/run/bake/run";
inline constexpr const char* script_file = "/run/bake/script";
inline constexpr const char* output_file = "/run/bake/output";
inline constexpr const char* status_file = "/run/bake/status";

/// Content of script_runner: runs script_file with the guest's /bin/sh in a plain environment (PATH, HOME, LC_ALL=C,
/// umask 022, nothing on standard input), both output streams into output_file, the exit status into status_file.
std::string script_runner_text();

/// The status that the runner left. Throws Error{failed} when it left none.
int parse_status(std::string_view text);

/// A script that kills what earlier scripts left running in the guest (gpg-agent and the like), which would keep the
/// file systems busy. Only processes whose root is the guest's root are touched.
std::string end_leftover_programs();

}  // namespace bake::guest
