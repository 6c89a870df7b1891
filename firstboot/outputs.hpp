#pragma once

#include "firstboot/report.hpp"

namespace firstboot {

/// The Azure Linux agent deletes these at deprovisioning, so they are created as needed.
inline constexpr const char* log_path = "/var/log/azure/ib-vmext-status";
/// Azure's log collectors take files one level down only.
inline constexpr const char* log_copy_path =
    "/var/log/azure/Microsoft.HpcCompute.InfiniBandDriverLinux/ib-vmext-status";
inline constexpr const char* status_path = "/var/lib/ib-firstboot/status/0.status";

/// Appends to both logs and replaces the status file below `root`, and `handler_status` (a path of this machine, empty:
/// none). What cannot be written is said on stderr and changes no verdict.
void write_outputs(View root, View handler_status, const Report& report);

/// Puts the --json document or the verdict line on stdout; the check lines go to stderr, so that a unit can send them
/// to the journal and only the verdict to the console.
void print(const Report& report, bool json);

/// `ib-firstboot: error: ...` on stderr.
void print_error(View message);

}  // namespace firstboot
