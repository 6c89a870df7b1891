#pragma once

#include "firstboot/text.hpp"

namespace firstboot {

/// Hyper-V as the guest sees it.
struct HyperV {
  Buffer<64> vendor;   ///< DMI: "Microsoft Corporation"
  Buffer<64> product;  ///< DMI: "Virtual Machine"
  bool azure = false;  ///< DMI chassis asset tag is Azure's
  bool cpuid = false;  ///< CPUID has "Microsoft Hv"; read only when the root is this machine
  unsigned vmbus_devices = 0;
  unsigned pci_pass_through = 0;       ///< VMBus offers of a PCI function
  unsigned pci_missing = 0;            ///< offers whose function is not on PCI (yet)
  unsigned networkdirect = 0;          ///< VMBus offers of InfiniBand without SR-IOV
  bool pci_driver_registered = false;  ///< hv_pci, from pci-hyperv.ko or built in

  /// True when DMI or CPUID names Hyper-V.
  [[nodiscard]] bool is_hyperv() const;
};

/// Reads DMI, CPUID and VMBus into `out`.
void scan_hyperv(View root, HyperV& out);

}  // namespace firstboot
