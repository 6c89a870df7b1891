#pragma once

#include "firstboot/text.hpp"

// Parsers of files from the VM and its host. They are pure and safe on any bytes, because the input is untrusted.
namespace firstboot {

/// Finds the value of `key` in KEY=VALUE lines (os-release, ib-firstboot.conf, the state file). Removes quotes, skips
/// '#' lines and takes the last occurrence, as a shell does. False: the key is missing or its value is longer than
/// `out`.
bool find_value(View text, View key, Text& out);

/// An operating system release as the matrix names it.
struct Release {
  Buffer<32> id;
  Buffer<32> version;
};

/// `redhat_release` is /etc/redhat-release ("CentOS Linux release 7.7.1908 (Core)") or empty: CentOS puts only "7" into
/// os-release. False: ID or VERSION_ID is missing or malformed.
bool parse_release(View os_release, View redhat_release, Release& out);

/// True when `baked` ("rhel-8.9") has the ID and the major version of `release` ("rhel", "8.10"). Always false for
/// Ubuntu: 22.04 and 22.10 are different releases, and an update does not change VERSION_ID.
bool is_minor_update(View baked, const Release& release);

/// Facts about this image from /etc/ib-firstboot.conf, which bake writes. Other keys are ignored.
struct BakedFacts {
  Buffer<64> os;              ///< "centos-7.7": the release that the image was baked for
  Buffer<32> ofed;            ///< "5.5-1.0.3.2" or "inbox"
  Buffer<32> module;          ///< "mlx5_core": the driver that the image was baked for; empty: unknown
  Buffer<64> module_version;  ///< "5.5-1.0.3"; empty: not checked
  unsigned wait = 60;         ///< seconds
  bool strict_rate = false;   ///< a slow link is a failure, not a warning
};
BakedFacts parse_baked_facts(View conf);

/// Finds the value of `key` in a file of the Hyper-V key-value pool: records of a 512-byte key and a 2048-byte value,
/// padded with zeros (linux/hyperv.h). False: the key is missing or its value is longer than `out`.
bool kvp_value(View pool, View key, Text& out);

/// Returns the number of HCAs in IPoIB_Data ("NUMPAIRS:1|00155D33FF0B:172.16.1.2", Azure/azure-ipoib-ipam-cni), 0 when
/// the text is malformed.
unsigned ipoib_pairs(View value);

/// Finds rdmaIPv4Address in the Instance element of SharedConfig.xml. Only RDMA-capable VMs have it.
bool rdma_address(View shared_config, Text& out);

/// True for a text like "Standard_HB120rs_v2": only letters, digits, '_' and '-'.
bool is_vm_size(View text);
/// Gives the size in lower case, without the suffix "_promo".
void normalise_vm_size(View size, Text& out);
/// True when the second field of the name has an 'r', which is Azure's rule for RDMA-capable sizes
/// (Azure/azhpc-diagnostics, is_infiniband_sku).
bool name_implies_rdma(View normalised_size);
/// True for hexadecimal digits and dashes, the form of an Azure VM id.
bool is_vm_id(View text);

}  // namespace firstboot
