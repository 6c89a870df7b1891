#pragma once

#include "firstboot/report.hpp"

namespace firstboot {

struct CheckOptions {
  View root;                           ///< "" on a real VM
  const ImdsEndpoint* imds = nullptr;  ///< null: do not ask
  int wait = -1;                 ///< seconds in all for what may arrive late; negative: as /etc/ib-firstboot.conf says
  long identify_ms = 20000;      ///< of the wait, to learn the size from IMDS, or else to see a sign of RDMA
  unsigned longest_wait = 3600;  ///< seconds; neither `wait` nor the conf file may ask for more
};

/// Makes the checks in the extension's order until one fails, and fills in `report`: checks, vm, hardware, exit,
/// message. Takes under a millisecond when IMDS is not asked and nothing has to be waited for, and never longer than
/// the wait and 2 s for IMDS.
void run_checks(const CheckOptions& options, Report& report);

}  // namespace firstboot
