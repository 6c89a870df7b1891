#pragma once

#include "firstboot/table_types.hpp"
#include "firstboot/text.hpp"

// What sysfs says about InfiniBand, from PCI to the port.
namespace firstboot {

/// An InfiniBand function: vendor 15b3, class 0207 (InfiniBand) or 0280 (network controller: ConnectX-3 Pro VFs).
/// Accelerated Networking functions are class 0200 and MANA is another vendor; neither is ever one.
struct Function {
  Buffer<24> address;  ///< "0101:00:00.0"; Azure's PCI domains are arbitrary
  unsigned device = 0;
  unsigned pci_class = 0;       ///< 0x0207
  const PciRow* row = nullptr;  ///< null: a device id the matrix does not have
  Buffer<32> driver;            ///< "mlx5_core"; empty: none bound
  Buffer<32> infiniband;        ///< "mlx5_ib0" in /sys/class/infiniband; empty: none
  Buffer<8> port;               ///< best port: InfiniBand before Ethernet, then the most advanced state
  Buffer<16> link_layer;        ///< "InfiniBand"; of the best port, else of a class 0280 function's interface
  unsigned port_state = 0;      ///< 4: ACTIVE (linux/ib_verbs.h); 0: no port
  Buffer<32> rate;              ///< "200 Gb/sec (4X HDR)"
};

struct Hardware {
  static constexpr size_t most_functions = 16;
  Function functions[most_functions];
  size_t count = 0;
  unsigned ethernet = 0;  ///< Mellanox Ethernet functions and ports (Accelerated Networking), not counted
  unsigned mana = 0;      ///< Microsoft's own network functions, not counted
};

/// Reads all of it anew. Takes well under a millisecond.
void scan_hardware(View root, Hardware& out);

/// "ACTIVE" for 4.
const char* port_state_name(unsigned state);
/// The bound driver is the one that belongs to the device; any driver will do for a device that the matrix lacks.
bool has_right_driver(const Function& function);
bool is_ready(const Function& function);
/// A function is InfiniBand by its class or by a port's link layer. Class 0280 alone says only "network", and a
/// ConnectX-3 Accelerated Networking function may have it too.
bool proves_infiniband(const Hardware& hardware);
/// A function is there whose ports have not shown yet that they are Ethernet.
bool may_be_infiniband(const Hardware& hardware);
/// True when `expected` functions (0: at least one) are there and all are ready.
bool is_ready(const Hardware& hardware, unsigned expected);

}  // namespace firstboot
