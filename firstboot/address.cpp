#include "firstboot/address.hpp"

#include "firstboot/retry_timer.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

constexpr const char* type_infiniband = "32";  // linux/if_arp.h

/// True for the interface of a port, false for a child of it with another partition key: children have the attribute
/// "parent" (linux/drivers/infiniband/ulp/ipoib/ipoib_vlan.c) and get no address from the agent.
bool is_ipoib(const Path& interfaces, const char* name) {
  Path path(interfaces);
  Buffer<16> type;
  path << name << "/type";
  if (!read_line(path.c_str(), type) || !(type.view() == type_infiniband)) return false;
  path.assign(interfaces);
  path << name << "/parent";
  return !exists(path.c_str());
}

/// Lists every IPoIB interface with its address. Returns true when there is one and all have an address.
bool list_addresses(View root, Text& out) {
  const Path interfaces = below(root, "/sys/class/net/");
  bool found = false;
  bool complete = true;
  out.clear();
  for (Directory entries(interfaces.c_str()); entries.next();) {
    if (!is_ipoib(interfaces, entries.name())) continue;
    Buffer<16> address;
    const bool has_address = ipv4_address(entries.name(), address);
    out << (found ? "; " : "") << entries.name() << ' ' << (has_address ? address.view() : "has no IPv4 address");
    found = true;
    complete = complete && has_address;
  }
  if (!found) out << "there is no IPoIB interface; is module ib_ipoib loaded?";
  return found && complete;
}

}  // namespace

void check_addresses(View root, int wait, Check& check) {
  static Hardware hardware;  // static, because it is too large for a small stack
  check.name = "ipoib-address";
  check.evidence.clear();
  scan_hardware(root, hardware);
  if (!may_have_infiniband(hardware)) {
    check.evidence << "not checked: this VM has no InfiniBand function";
    return;
  }
  RetryTimer retry(static_cast<long>(wait) * 1000);
  bool complete = list_addresses(root, check.evidence);
  while (!complete && retry.pause()) complete = list_addresses(root, check.evidence);
  if (complete) return;
  check.result = Result::warn;
  check.evidence << ", after " << static_cast<unsigned>(wait)
                 << " s; the Azure Linux agent sets the addresses when /etc/waagent.conf has OS.EnableRDMA=y";
}

}  // namespace firstboot
