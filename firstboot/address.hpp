#pragma once

#include "firstboot/report.hpp"

// The check of the IPoIB addresses, which the Azure Linux agent sets after ib-firstboot has run.
namespace firstboot {

/// Seconds. The agent waits up to 120 s for a device and 60 s for its interface (Azure/WALinuxAgent, pa/rdma/rdma.py).
inline constexpr int default_address_wait = 180;

/// Waits up to `wait` seconds until every IPoIB interface has an IPv4 address, and writes the result to `check`: pass,
/// or warn with the interfaces that have none. Reads the addresses of this machine, also when `root` is not "".
void check_addresses(View root, int wait, Check& check);

}  // namespace firstboot
