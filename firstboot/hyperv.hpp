#pragma once

#include "firstboot/text.hpp"

namespace firstboot {

/// What the guest side of Hyper-V shows.
struct HyperV {
  Buffer<64> vendor;   ///< DMI: "Microsoft Corporation"
  Buffer<64> product;  ///< DMI: "Virtual Machine"
  bool azure = false;  ///< DMI chassis asset tag is Azure's
  bool cpuid = false;  ///< CPUID says "Microsoft Hv"; asked only when the root is this machine's own
  unsigned vmbus_devices = 0;
  unsigned pci_pass_through = 0;       ///< VMBus offers of a PCI function
  unsigned pci_missing = 0;            ///< of them, those whose function is not on PCI (yet)
  unsigned networkdirect = 0;          ///< VMBus offers of the InfiniBand of the sizes without SR-IOV
  bool pci_driver_registered = false;  ///< hv_pci, from pci-hyperv.ko or built in

  [[nodiscard]] bool is_hyperv() const;
};

void scan_hyperv(View root, HyperV& out);

}  // namespace firstboot
