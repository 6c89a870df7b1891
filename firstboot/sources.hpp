#pragma once

#include "firstboot/text.hpp"

// Parsers of what the VM and its host say. Pure, bounded, and safe on any bytes: all of it is foreign input.
namespace firstboot {

/// Value of `key` in KEY=VALUE lines (os-release, ib-firstboot.conf, our state file). Quotes are taken off, '#' lines
/// are comments, the last occurrence wins as it does in a shell. False: no such key, or longer than `out` holds.
bool find_value(View text, View key, Text& out);

/// An operating system release as the matrix names it.
struct Release {
  Buffer<32> id;
  Buffer<32> version;
};

/// `redhat_release` is /etc/redhat-release ("CentOS Linux release 7.7.1908 (Core)") or empty: CentOS puts only "7" into
/// os-release. False: no ID or no VERSION_ID of plausible shape.
bool parse_release(View os_release, View redhat_release, Release& out);

/// What /etc/ib-firstboot.conf, written by bake, says about this image. Other keys in it are for people.
struct BakedFacts {
  Buffer<64> os;              ///< "centos-7.7": supported even if only the builder's own matrix rows know it
  Buffer<32> ofed;            ///< "5.5-1.0.3.2" or "inbox"
  Buffer<32> module;          ///< "mlx5_core", the driver that the image was baked for; empty: unknown
  Buffer<64> module_version;  ///< "5.5-1.0.3"; empty: not checked
  unsigned wait = 60;         ///< seconds
};
BakedFacts parse_baked_facts(View conf);

/// One file of the Hyper-V key-value pool: records of a 512-byte key and a 2048-byte value, padded with zeros
/// (linux/hyperv.h). False: no such key, or longer than `out` holds.
bool kvp_value(View pool, View key, Text& out);

/// Number of HCAs that IPoIB_Data ("NUMPAIRS:1|00155D33FF0B:172.16.1.2", Azure/azure-ipoib-ipam-cni) announces;
/// 0 when the text does not have this shape.
unsigned ipoib_pairs(View value);

/// Value of rdmaIPv4Address of the Instance element of SharedConfig.xml; present on RDMA-capable VMs only.
bool rdma_address(View shared_config, Text& out);

/// "Standard_HB120rs_v2", letters, digits, '_' and '-' only.
bool is_vm_size(View text);
/// Lower case, without a "_promo" suffix.
void normalise_vm_size(View size, Text& out);
/// Azure's own rule for a size it does not know: an 'r' in the second field (Azure/azhpc-diagnostics,
/// is_infiniband_sku).
bool name_promises_rdma(View normalised_size);
/// Hexadecimal digits and dashes, as Azure writes a VM id.
bool is_vm_id(View text);

}  // namespace firstboot
