#pragma once

#include "firstboot/report.hpp"

namespace firstboot {

struct CheckOptions {
  View root;                           ///< "" on a real VM
  const ImdsEndpoint* imds = nullptr;  ///< null: IMDS is not queried
  int wait = -1;                       ///< seconds, the total wait; negative: WAIT of /etc/ib-firstboot.conf
  long identify_ms = 20000;            ///< the part of the wait for IMDS, or for a sign of RDMA when IMDS is silent
  unsigned max_wait = 3600;            ///< seconds; limits `wait` and the conf file
};

/// Runs the checks in the extension's order up to the first failure and fills in `report`: checks, vm, hardware, exit,
/// message. Takes one second when everything is ready, because the ports must stay ACTIVE that long. Takes at most the
/// wait plus 2 s for IMDS and 1 s for the ports.
void run_checks(const CheckOptions& options, Report& report);

}  // namespace firstboot
