#pragma once

#include "firstboot/report.hpp"

namespace firstboot {

/// The agent deletes the directories of the logs at deprovisioning, so the program creates them when needed.
inline constexpr const char* log_path = "/var/log/azure/ib-vmext-status";
/// A copy, because some of Azure's log collectors read only subdirectories of /var/log/azure.
inline constexpr const char* log_copy_path =
    "/var/log/azure/Microsoft.HpcCompute.InfiniBandDriverLinux/ib-vmext-status";
inline constexpr const char* status_path = "/var/lib/ib-firstboot/status/0.status";

/// Appends to both logs, replaces the status file below `root` and `handler_status` (a path of this machine; empty:
/// none). A file that cannot be written gives an error on stderr and does not change the verdict.
void write_outputs(View root, View handler_status, const Report& report);

/// Prints the --json document or the verdict line on stdout, and the check lines on stderr, so that the unit sends only
/// the verdict to the console.
void print(const Report& report, bool json);

/// Appends the line of one check to both logs below `root`, and prints `ib-firstboot: EVIDENCE` on stdout, with
/// "warning: " when the check gave one.
void log_check(View root, const Check& check);

/// Prints `ib-firstboot: error: ...` on stderr.
void print_error(View message);

}  // namespace firstboot
