#include "firstboot/hardware.hpp"

#include "firstboot/ib_tables.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

constexpr unsigned mellanox = 0x15b3;
constexpr unsigned microsoft = 0x1414;
constexpr unsigned class_ethernet = 0x0200;
constexpr unsigned class_infiniband = 0x0207;
constexpr unsigned class_network = 0x0280;
constexpr unsigned active = 4;
constexpr const char* type_ethernet = "1";     // linux/if_arp.h
constexpr const char* type_infiniband = "32";  // linux/if_arp.h

bool read_hex(const Path& directory, const char* attribute, unsigned& value) {
  Path path(directory);
  Buffer<32> text;
  path << attribute;
  return read_line(path.c_str(), text) && parse_hex(text, value);
}

const PciRow* find_device(unsigned device) {
  for (const PciRow& row : pci_rows)
    if (row.device == device) return &row;
  return nullptr;
}

void scan_pci(View root, Hardware& out) {
  const Path devices = below(root, "/sys/bus/pci/devices/");
  for (Directory entries(devices.c_str()); entries.next();) {
    Path directory(devices);
    directory << entries.name();
    unsigned vendor = 0;
    unsigned pci_class = 0;
    if (!read_hex(directory, "/vendor", vendor) || (vendor != mellanox && vendor != microsoft)) continue;
    if (!read_hex(directory, "/class", pci_class)) continue;
    pci_class >>= 8;
    if (vendor == microsoft) {
      out.mana += pci_class == class_ethernet ? 1 : 0;
      continue;
    }
    if (pci_class == class_ethernet) ++out.ethernet;
    if ((pci_class != class_infiniband && pci_class != class_network) || out.count == Hardware::max_functions) continue;
    Function& function = out.functions[out.count++];
    function = Function{};
    function.address.assign(entries.name());
    function.pci_class = pci_class;
    read_hex(directory, "/device", function.device);
    function.row = find_device(function.device);
    directory << "/driver";
    link_name(directory.c_str(), function.driver);
  }
}

/// The kernel lists sysfs directories in no particular order.
void sort_by_address(Hardware& hardware) {
  for (size_t i = 1; i < hardware.count; ++i)
    for (size_t j = i;
         j > 0 && strcmp(hardware.functions[j - 1].address.c_str(), hardware.functions[j].address.c_str()) > 0; --j) {
      const Function swap = hardware.functions[j];
      hardware.functions[j] = hardware.functions[j - 1];
      hardware.functions[j - 1] = swap;
    }
}

struct Port {
  Buffer<16> link_layer;
  unsigned state = 0;
  Buffer<32> rate;
};

void read_port(const Path& directory, Port& out) {
  Path path(directory);
  Buffer<32> state;
  path << "/link_layer";
  read_line(path.c_str(), out.link_layer);
  path.assign(directory);
  path << "/state";  // "4: ACTIVE"
  if (read_line(path.c_str(), state) && !state.empty() && is_digit(state.view()[0]))
    out.state = static_cast<unsigned>(state.view()[0] - '0');
  path.assign(directory);
  path << "/rate";
  read_line(path.c_str(), out.rate);
}

void read_ports(const Path& infiniband_device, Function& function) {
  Path ports(infiniband_device);
  ports << "/ports/";
  for (Directory entries(ports.c_str()); entries.next();) {
    Path directory(ports);
    directory << entries.name();
    Port port;
    read_port(directory, port);
    const bool better_layer = port.link_layer.view() == "InfiniBand" && !(function.link_layer.view() == "InfiniBand");
    const bool same_layer = port.link_layer.view() == function.link_layer.view();
    if (!function.port.empty() && !better_layer && !(same_layer && port.state > function.port_state)) continue;
    function.port.assign(entries.name());
    function.link_layer = port.link_layer;
    function.port_state = port.state;
    function.rate = port.rate;
  }
}

void scan_infiniband(View root, Hardware& out) {
  const Path devices = below(root, "/sys/class/infiniband/");
  for (Directory entries(devices.c_str()); entries.next();) {
    Path directory(devices);
    directory << entries.name();
    Path link(directory);
    link << "/device";
    Buffer<24> address;
    if (!link_name(link.c_str(), address)) continue;
    for (size_t i = 0; i < out.count; ++i) {
      if (!(out.functions[i].address.view() == address)) continue;
      out.functions[i].infiniband.assign(entries.name());
      read_ports(directory, out.functions[i]);
    }
  }
}

void assign_uverbs(Hardware& out, View infiniband, View name) {
  for (size_t i = 0; i < out.count; ++i)
    if (out.functions[i].infiniband.view() == infiniband) out.functions[i].uverbs.assign(name);
}

/// Programs open /dev/infiniband/uverbsN. ibdev in sysfs names its InfiniBand device
/// (linux/drivers/infiniband/core/uverbs_main.c). Without sysfs the nodes are counted.
void scan_uverbs(View root, Hardware& out) {
  const Path devices = below(root, "/sys/class/infiniband_verbs/");
  bool in_sysfs = false;
  for (Directory entries(devices.c_str()); entries.next();) {
    if (!starts_with(entries.name(), "uverbs")) continue;  // not abi_version
    in_sysfs = true;
    Path path(devices);
    Buffer<32> infiniband;
    path << entries.name() << "/ibdev";
    if (read_line(path.c_str(), infiniband) && !infiniband.empty()) assign_uverbs(out, infiniband, entries.name());
  }
  if (in_sysfs) return;
  size_t next = 0;
  const Path nodes = below(root, "/dev/infiniband");
  for (Directory entries(nodes.c_str()); next < out.count && entries.next();) {
    if (!starts_with(entries.name(), "uverbs")) continue;
    while (next < out.count && out.functions[next].infiniband.empty()) ++next;
    if (next < out.count) out.functions[next++].uverbs.assign(entries.name());
  }
}

/// Finds the link layer by the network interfaces of a function without an InfiniBand device: mlx4_en makes an
/// interface for an Ethernet port, and MLNX_OFED 5.1 and later have no mlx4_ib.
void scan_network(View root, Function& function) {
  Path interfaces = below(root, "/sys/bus/pci/devices/");
  interfaces << function.address << "/net/";
  bool ethernet = false;
  for (Directory entries(interfaces.c_str()); entries.next();) {
    Path path(interfaces);
    Buffer<16> type;
    path << entries.name() << "/type";
    if (!read_line(path.c_str(), type)) continue;
    if (type.view() == type_infiniband) return;
    ethernet = ethernet || type.view() == type_ethernet;
  }
  if (ethernet) function.link_layer.assign("Ethernet");
}

/// Drops the functions of Accelerated Networking. A ConnectX-3 function of class 0280 is one when its link is Ethernet,
/// except when there is no other function: then the message must name its link layer. It is also one when there is a
/// function of class 0207 and its own link is not known to be InfiniBand: all HCAs of a VM size are alike.
void drop_ethernet(Hardware& out) {
  size_t infiniband = 0;
  bool class_tells = false;
  for (size_t i = 0; i < out.count; ++i) {
    if (!(out.functions[i].link_layer.view() == "Ethernet")) ++infiniband;
    class_tells = class_tells || out.functions[i].pci_class == class_infiniband;
  }
  if (infiniband == 0) return;
  size_t kept = 0;
  for (size_t i = 0; i < out.count; ++i) {
    const Function& function = out.functions[i];
    const View link = function.link_layer;
    if (function.pci_class == class_network && (link == "Ethernet" || (class_tells && !(link == "InfiniBand")))) {
      ++out.ethernet;
    } else if (kept++ != i) {
      out.functions[kept - 1] = function;
    }
  }
  out.count = kept;
}

}  // namespace

void scan_hardware(View root, Hardware& out) {
  out.count = out.ethernet = out.mana = 0;
  scan_pci(root, out);
  sort_by_address(out);
  scan_infiniband(root, out);
  scan_uverbs(root, out);
  for (size_t i = 0; i < out.count; ++i)
    if (out.functions[i].pci_class == class_network && out.functions[i].link_layer.empty())
      scan_network(root, out.functions[i]);
  drop_ethernet(out);
}

const char* port_state_name(unsigned state) {
  static constexpr const char* names[] = {"NOP", "DOWN", "INIT", "ARMED", "ACTIVE", "ACTIVE_DEFER"};
  return state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}

bool has_right_driver(const Function& function) {
  if (function.row == nullptr) return !function.driver.empty();
  const View line(function.row->driver);
  return starts_with(function.driver, line) && skip(function.driver, line.size) == "_core";
}

bool is_ready(const Function& function) {
  return has_right_driver(function) && function.link_layer.view() == "InfiniBand" && !function.uverbs.empty() &&
         function.port_state == active;
}

bool has_infiniband(const Hardware& hardware) {
  for (size_t i = 0; i < hardware.count; ++i) {
    const Function& function = hardware.functions[i];
    if (function.pci_class == class_infiniband || function.link_layer.view() == "InfiniBand") return true;
  }
  return false;
}

bool may_have_infiniband(const Hardware& hardware) {
  for (size_t i = 0; i < hardware.count; ++i) {
    const Function& function = hardware.functions[i];
    if (function.pci_class == class_infiniband || !(function.link_layer.view() == "Ethernet")) return true;
  }
  return false;
}

bool is_ready(const Hardware& hardware, unsigned expected) {
  if (hardware.count == 0 || (expected != 0 && hardware.count != expected)) return false;
  for (size_t i = 0; i < hardware.count; ++i)
    if (!is_ready(hardware.functions[i])) return false;
  return true;
}

}  // namespace firstboot
