#pragma once

#include "firstboot/imds.hpp"
#include "firstboot/text.hpp"

namespace firstboot {

/// The VM's size and id, and the source of the size.
struct Vm {
  Buffer<65> size;          ///< as given, "Standard_HB120rs_v2"; empty: unknown
  Buffer<40> id;            ///< lower case; empty: unknown
  const char* source = "";  ///< of the size: "IMDS" or "cloud-init's copy of IMDS"
  Buffer<64> imds_note;     ///< the reason why IMDS gave no size
};

/// Reads size and id from IMDS (not when `endpoint` is null), else from cloud-init's copy of its answer, and the id
/// else from DMI.
void identify_vm(View root, const ImdsEndpoint* endpoint, long budget_ms, Vm& out);

/// Reads the id from DMI when it is still unknown.
void read_dmi_id(View root, Vm& out);

/// Signs of RDMA for a VM of unknown size.
struct RdmaSigns {
  Buffer<24> shared_config;  ///< rdmaIPv4Address of the agent's SharedConfig.xml
  Buffer<128> ipoib_data;    ///< KVP IPoIB_Data: SR-IOV
  unsigned pairs = 0;        ///< number of HCAs in IPoIB_Data
  Buffer<64> nd_driver;      ///< KVP NdDriverVersion: NetworkDirect
};
/// Reads SharedConfig.xml and the key-value pool into `out`.
void find_rdma_signs(View root, RdmaSigns& out);

}  // namespace firstboot
