// The checks of the platform: Hyper-V, the operating system release and the VM size.
#include "firstboot/ib_tables.hpp"
#include "firstboot/rates.hpp"
#include "firstboot/run.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

constexpr long min_imds_ms = 2000;

}  // namespace

Exit Run::check_hyperv() {
  Check& check = report_.add("hyper-v");
  scan_hyperv(options_.root, hyperv_);
  while (hyperv_.pci_pass_through > 0 && !hyperv_.pci_driver_registered && retry_.pause())
    scan_hyperv(options_.root, hyperv_);
  check.evidence << "DMI '" << hyperv_.vendor << "' '" << hyperv_.product << "', "
                 << (hyperv_.azure ? "Azure's asset tag, " : "") << (hyperv_.cpuid ? "CPUID 'Microsoft Hv', " : "")
                 << "VMBus devices: " << hyperv_.vmbus_devices << ", hv_pci "
                 << (hyperv_.pci_driver_registered ? "registered" : "not registered");
  if (!hyperv_.is_hyperv()) {
    check.evidence << ": this is not a Hyper-V virtual machine";
    return fail(check, Exit::no_hyperv);
  }
  if (hyperv_.vmbus_devices == 0) {
    check.evidence << ": hv_vmbus is not loaded";
    return fail(check, Exit::no_hyperv);
  }
  if (hyperv_.pci_pass_through > 0 && !hyperv_.pci_driver_registered) {
    check.evidence << ": VMBus offers PCI functions (" << hyperv_.pci_pass_through
                   << ") but pci-hyperv.ko, which makes them visible, is not loaded";
    return fail(check, Exit::no_hyperv);
  }
  return Exit::success;
}

Exit Run::check_release() {
  Check& check = report_.add("os-release");
  char bytes[8192];
  char redhat_bytes[256];
  View text = read_file(below(options_.root, "/etc/os-release").c_str(), bytes, sizeof bytes);
  if (text.empty()) text = read_file(below(options_.root, "/usr/lib/os-release").c_str(), bytes, sizeof bytes);
  const View redhat = read_file(below(options_.root, "/etc/redhat-release").c_str(), redhat_bytes, sizeof redhat_bytes);
  Release release;
  if (!parse_release(text, redhat, release)) {
    check.evidence << "/etc/os-release has no ID or no VERSION_ID";
    return fail(check, Exit::os_not_supported);
  }
  check.evidence << release.id << ' ' << release.version;
  bool listed = false;
  for (const OsRow& row : os_rows)
    listed = listed || (release.id.view() == row.id && release.version.view() == row.version);
  Buffer<66> name(release.id);
  name << '-' << release.version;
  if (baked_.os.empty() && listed) return Exit::success;
  if (baked_.os.view() == name) {
    if (!listed) check.evidence << ", the release that this image was baked for";
    return Exit::success;
  }
  if (!listed) check.evidence << " is not in the compatibility matrix";
  if (baked_.os.empty()) return fail(check, Exit::os_not_supported);
  const bool updated = is_minor_update(baked_.os, release);
  check.evidence << (listed || updated ? ", but" : ", and") << " this image was baked for " << baked_.os;
  if (!listed && !updated) return fail(check, Exit::os_not_supported);
  if (!listed) check.evidence << ", which has the same major version";
  check.result = Result::warn;
  return Exit::success;
}

Exit Run::check_size() {
  Check& check = report_.add("vm-size");
  // The hardware comes up during the query, so this takes nothing away from it.
  long budget = retry_.left_ms() < options_.identify_ms ? retry_.left_ms() : options_.identify_ms;
  if (budget < min_imds_ms) budget = min_imds_ms;
  identify_until_ = now_ms() + options_.identify_ms;
  identify_vm(options_.root, options_.imds, budget, report_.vm);
  scan();
  if (report_.vm.size.empty()) return check_unknown_size(check);
  check.evidence << report_.vm.size << " (from " << report_.vm.source << ") ";
  Buffer<80> size;
  normalise_vm_size(report_.vm.size, size);
  for (const SizeRow& row : size_rows)
    if (size.view() == row.name) return check_listed_size(row, check);
  return check_unlisted_size(size, check);
}

/// An InfiniBand function on PCI overrules the table: Azure has moved sizes from NetworkDirect to SR-IOV before.
Exit Run::check_listed_size(const SizeRow& row, Check& check) {
  if (row.transport == Transport::sriov) {
    report_.expected_hcas = row.hcas;
    report_.expected_rate = rate_of_size(row.name, row.generation);
    check.evidence << "has " << row.hcas << (row.hcas == 1 ? " HCA, " : " HCAs, ") << row.generation;
    return Exit::success;
  }
  check.evidence << (row.transport == Transport::networkdirect ? networkdirect_reason : "has no InfiniBand");
  if (!has_infiniband(report_.hardware)) return fail(check, Exit::size_not_supported);
  check.evidence << "; but an InfiniBand function is on PCI, so the checks continue";
  check.result = Result::warn;
  return Exit::success;
}

Exit Run::check_unlisted_size(View size, Check& check) {
  const bool present = has_infiniband(report_.hardware);
  if (!name_implies_rdma(size) && !present) {
    check.evidence << "has no InfiniBand: its name has no 'r' after the number, and no InfiniBand function is on PCI";
    return fail(check, Exit::size_not_supported);
  }
  check.evidence << "is not in the compatibility matrix, but "
                 << (present ? "an InfiniBand function is on PCI" : "its name has the 'r' of RDMA-capable sizes")
                 << "; the expected number of HCAs is unknown";
  check.result = Result::warn;
  return Exit::success;
}

/// Waits for a sign of RDMA as long as for IMDS, and longer only while VMBus offers a function that is not on PCI.
/// SharedConfig.xml may be from an earlier size, because the agent writes it after this program. So it counts only
/// while VMBus offers a function that is not on PCI, which may be the HCA.
Exit Run::check_unknown_size(Check& check) {
  RdmaSigns signs;
  bool networkdirect = false;
  bool sriov = false;
  bool announced = false;
  do {
    scan_hyperv(options_.root, hyperv_);
    scan();
    find_rdma_signs(options_.root, signs);
    networkdirect = hyperv_.networkdirect > 0 || !signs.nd_driver.empty();
    sriov = may_have_infiniband(report_.hardware) || !signs.ipoib_data.empty();
    announced = !signs.shared_config.empty() && hyperv_.pci_missing > 0;
  } while (!networkdirect && !sriov && !announced && (hyperv_.pci_missing > 0 || now_ms() < identify_until_) &&
           retry_.pause());

  check.evidence << "IMDS " << report_.vm.imds_note << ", cloud-init has no copy of its answer";
  if (may_have_infiniband(report_.hardware)) check.evidence << "; an InfiniBand function is on PCI";
  if (!signs.ipoib_data.empty()) check.evidence << "; KVP IPoIB_Data is '" << signs.ipoib_data << '\'';
  if (!signs.shared_config.empty()) check.evidence << "; SharedConfig has rdmaIPv4Address " << signs.shared_config;
  if (!sriov && networkdirect) {
    check.evidence << "; VMBus or KVP shows a NetworkDirect device: this VM " << networkdirect_reason;
    return fail(check, Exit::size_not_supported);
  }
  if (!sriov && !announced) {
    if (!signs.shared_config.empty())
      check.evidence << ", but every function that VMBus offers is on PCI, so the address is from an earlier size";
    check.evidence << "; no InfiniBand function on PCI, no KVP IPoIB_Data, "
                   << (signs.shared_config.empty() ? "no rdmaIPv4Address in SharedConfig, " : "")
                   << "no NetworkDirect device on VMBus: this VM is not RDMA-capable";
    return fail(check, Exit::size_not_supported);
  }
  report_.expected_hcas = signs.pairs;
  if (signs.pairs == 0) check.evidence << "; the expected number of HCAs is unknown";
  check.result = Result::warn;
  return Exit::success;
}

}  // namespace firstboot
