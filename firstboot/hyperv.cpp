#include "firstboot/hyperv.hpp"

#include <cpuid.h>

#include "firstboot/system.hpp"

namespace firstboot {
namespace {

constexpr const char* azure_asset_tag = "7783-7084-3265-9085-8269-3286-77";  // systemd src/basic/virt.c, cloud-init
constexpr const char* pass_through_class = "{44c4f61d-4444-4400-9d52-802e27ede19f}";   // linux/hyperv.h HV_PCIE_GUID
constexpr const char* networkdirect_class = "{8c2eaf3d-32a7-4b09-ab99-bd1f1c86b501}";  // linux/hyperv.h HV_ND_GUID
constexpr unsigned hypervisor_bit = 1U << 31;
constexpr unsigned hypervisor_leaf = 0x40000000;

bool cpuid_says_hyperv() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & hypervisor_bit) == 0) return false;
  __cpuid(hypervisor_leaf, eax, ebx, ecx, edx);
  unsigned name[3] = {ebx, ecx, edx};
  return memcmp(name, "Microsoft Hv", sizeof name) == 0;
}

void read_dmi(View root, const char* attribute, Text& out) {
  Path path = below(root, "/sys/class/dmi/id/");
  path << attribute;
  read_line(path.c_str(), out);
}

/// hv_pci creates one PCI bus for each function, "pci0101:00" below the VMBus device
/// (linux/drivers/pci/controller/pci-hyperv.c).
bool has_pci_bus(const Path& vmbus_device) {
  for (Directory entries(vmbus_device.c_str()); entries.next();)
    if (starts_with(entries.name(), "pci")) return true;
  return false;
}

}  // namespace

bool HyperV::is_hyperv() const {
  const bool dmi = vendor.view() == "Microsoft Corporation" && product.view() == "Virtual Machine";
  return dmi || azure || cpuid;
}

void scan_hyperv(View root, HyperV& out) {
  out = HyperV{};
  Buffer<64> asset_tag;
  read_dmi(root, "sys_vendor", out.vendor);
  read_dmi(root, "product_name", out.product);
  read_dmi(root, "chassis_asset_tag", asset_tag);
  out.azure = asset_tag.view() == azure_asset_tag;
  out.cpuid = root.empty() && cpuid_says_hyperv();

  const Path devices = below(root, "/sys/bus/vmbus/devices/");
  for (Directory entries(devices.c_str()); entries.next();) {
    ++out.vmbus_devices;
    Path path(devices);
    Buffer<48> class_id;
    path << entries.name() << "/class_id";
    if (!read_line(path.c_str(), class_id)) continue;
    if (equal_ignoring_case(class_id, pass_through_class)) {
      ++out.pci_pass_through;
      path.assign(devices);
      path << entries.name();
      if (!has_pci_bus(path)) ++out.pci_missing;
    }
    if (equal_ignoring_case(class_id, networkdirect_class)) ++out.networkdirect;
  }
  out.pci_driver_registered = exists(below(root, "/sys/bus/vmbus/drivers/hv_pci").c_str()) ||
                              exists(below(root, "/sys/module/pci_hyperv").c_str());
}

}  // namespace firstboot
