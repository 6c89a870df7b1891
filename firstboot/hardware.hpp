#pragma once

#include "firstboot/table_types.hpp"
#include "firstboot/text.hpp"

// InfiniBand in sysfs, from the PCI function to the port.
namespace firstboot {

/// An InfiniBand function: vendor 15b3, class 0207 (InfiniBand) or 0280 (network controller: ConnectX-3 Pro VFs).
/// Accelerated Networking functions have class 0200, and MANA has another vendor: neither counts.
struct Function {
  Buffer<24> address;  ///< "0101:00:00.0"; Azure's PCI domains are arbitrary
  unsigned device = 0;
  unsigned pci_class = 0;       ///< 0x0207
  const PciRow* row = nullptr;  ///< null: the matrix does not have the device id
  Buffer<32> driver;            ///< "mlx5_core"; empty: no driver is bound
  Buffer<32> infiniband;        ///< "mlx5_ib0" in /sys/class/infiniband; empty: none
  Buffer<16> uverbs;            ///< "uverbs0", the device of ib_uverbs; empty: none
  Buffer<8> port;               ///< the best port: InfiniBand before Ethernet, then the higher state
  Buffer<16> link_layer;        ///< of the best port, else of the network interface: "InfiniBand"
  unsigned port_state = 0;      ///< 4: ACTIVE (linux/ib_verbs.h); 0: no port
  Buffer<32> rate;              ///< "200 Gb/sec (4X HDR)"
};

struct Hardware {
  static constexpr size_t max_functions = 16;
  Function functions[max_functions];
  size_t count = 0;
  unsigned ethernet = 0;  ///< Mellanox Ethernet functions and ports (Accelerated Networking), not counted
  unsigned mana = 0;      ///< Microsoft's own network functions, not counted
};

/// Reads sysfs below `root` into `out`. Takes well under a millisecond.
void scan_hardware(View root, Hardware& out);

/// "ACTIVE" for 4.
const char* port_state_name(unsigned state);
/// True when the driver of the device is bound. For a device that the matrix does not have, any driver counts.
bool has_right_driver(const Function& function);
/// True when the right driver is bound, an InfiniBand port is ACTIVE and programs can open the device of ib_uverbs.
bool is_ready(const Function& function);
/// True when a function has class 0207 or a port with link layer InfiniBand. Class 0280 is not enough: a ConnectX-3
/// function of Accelerated Networking may have it too.
bool has_infiniband(const Hardware& hardware);
/// True when there is a function that is not known to be Ethernet.
bool may_have_infiniband(const Hardware& hardware);
/// True when there are `expected` functions (0: at least one) and all of them are ready.
bool is_ready(const Hardware& hardware, unsigned expected);

}  // namespace firstboot
