#pragma once

#include "firstboot/imds.hpp"
#include "firstboot/text.hpp"

namespace firstboot {

/// Who this VM is, and who says so.
struct Vm {
  Buffer<65> size;          ///< as given, "Standard_HB120rs_v2"; empty: nobody knows
  Buffer<40> id;            ///< lower case; empty: nobody knows
  const char* source = "";  ///< of the size: "IMDS", "cloud-init's copy of IMDS"
  Buffer<64> imds_note;     ///< why IMDS gave no size
};

/// Asks IMDS (`endpoint` null: never), then cloud-init's copy of its answer; the id also from DMI.
void identify_vm(View root, const ImdsEndpoint* endpoint, long budget_ms, Vm& out);

/// The id from DMI, when nobody has said it yet.
void ask_dmi(View root, Vm& out);

/// Signs of RDMA that do not need the size.
struct RdmaSigns {
  Buffer<24> shared_config;  ///< rdmaIPv4Address of the agent's SharedConfig.xml
  Buffer<128> ipoib_data;    ///< KVP IPoIB_Data: SR-IOV
  unsigned pairs = 0;        ///< HCAs that IPoIB_Data announces
  Buffer<64> nd_driver;      ///< KVP NdDriverVersion: NetworkDirect
};
void find_rdma_signs(View root, RdmaSigns& out);

}  // namespace firstboot
