#include "firstboot/checks.hpp"

#include "firstboot/hyperv.hpp"
#include "firstboot/ib_tables.hpp"
#include "firstboot/patience.hpp"
#include "firstboot/sources.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

constexpr long shortest_imds_ms = 2000;
constexpr const char* conf_path = "/etc/ib-firstboot.conf";
constexpr const char* networkdirect_words =
    "offers InfiniBand through NetworkDirect only, not SR-IOV: no driver of MLNX_OFED or of Linux can use it; choose "
    "an SR-IOV size such as Standard_HB120rs_v3";

/// One run over all checks. Each check_ function writes its evidence and says how it went.
class Run {
 public:
  Run(const CheckOptions& options, Report& report) : options_(options), report_(report) {}

  Exit all() {
    read_conf();
    patience_ = Patience(static_cast<long>(report_.wait) * 1000);
    using Step = Exit (Run::*)();
    static constexpr Step steps[] = {&Run::check_hyperv,     &Run::check_release, &Run::check_size,
                                     &Run::check_pci,        &Run::check_driver,  &Run::check_hca_count,
                                     &Run::check_infiniband, &Run::check_port,    &Run::check_module_version};
    Exit exit = Exit::success;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && exit == Exit::success; ++i) {
      const Step step = steps[i];  // not within the call: there gcc 12's -fsanitize=bounds checks an index of garbage
      exit = (this->*step)();
      utc_time(report_.checks[report_.count - 1].time);
    }
    return exit;
  }

 private:
  void read_conf();
  void look() { scan_hardware(options_.root, report_.hardware); }

  Exit check_hyperv();
  Exit check_release();
  Exit check_size();
  Exit judge_known_size(const SizeRow& row, Check& check);
  Exit judge_unlisted_size(View size, Check& check);
  Exit judge_without_size(Check& check);
  Exit check_pci();
  Exit check_driver();
  Exit check_hca_count();
  Exit check_infiniband();
  Exit check_port();
  Exit check_module_version();

  static Exit fail(Check& check, Exit exit) {
    check.verdict = Verdict::fail;
    return exit;
  }
  void list_ports(Check& check) const;

  const CheckOptions& options_;
  Report& report_;
  BakedFacts baked_;
  bool has_conf_ = false;
  HyperV hyperv_;
  Patience patience_{0};
  long identify_until_ = 0;  ///< of now_ms()
};

void Run::read_conf() {
  char bytes[4096];
  const View conf = read_file(below(options_.root, conf_path).c_str(), bytes, sizeof bytes);
  has_conf_ = !conf.empty();
  baked_ = parse_baked_facts(conf);
  const unsigned wait = options_.wait >= 0 ? static_cast<unsigned>(options_.wait) : baked_.wait;
  report_.wait = wait < options_.longest_wait ? wait : options_.longest_wait;
}

Exit Run::check_hyperv() {
  Check& check = report_.add("hyper-v");
  scan_hyperv(options_.root, hyperv_);
  while (hyperv_.pci_pass_through > 0 && !hyperv_.pci_driver_registered && patience_.pause())
    scan_hyperv(options_.root, hyperv_);
  check.evidence << "DMI '" << hyperv_.vendor << "' '" << hyperv_.product << "', "
                 << (hyperv_.azure ? "Azure's asset tag, " : "") << (hyperv_.cpuid ? "CPUID 'Microsoft Hv', " : "")
                 << "VMBus devices: " << hyperv_.vmbus_devices << ", hv_pci "
                 << (hyperv_.pci_driver_registered ? "registered" : "not registered");
  if (!hyperv_.is_hyperv()) {
    check.evidence << ": this is no Hyper-V virtual machine";
    return fail(check, Exit::no_hyperv);
  }
  if (hyperv_.vmbus_devices == 0) {
    check.evidence << ": hv_vmbus is not loaded";
    return fail(check, Exit::no_hyperv);
  }
  if (hyperv_.pci_pass_through > 0 && !hyperv_.pci_driver_registered) {
    check.evidence << ": VMBus offers PCI functions (" << hyperv_.pci_pass_through
                   << ") that only pci-hyperv.ko can bring up, and it is not loaded";
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
    check.evidence << "/etc/os-release does not say ID and VERSION_ID";
    return fail(check, Exit::os_not_supported);
  }
  check.evidence << release.id << ' ' << release.version;
  for (const OsRow& row : os_rows)
    if (release.id.view() == row.id && release.version.view() == row.version) return Exit::success;
  Buffer<64> name(release.id);
  name << '-' << release.version;
  if (baked_.os.view() == name) {
    check.evidence << ", for which this image was baked";
    return Exit::success;
  }
  check.evidence << " is not in the compatibility matrix";
  return fail(check, Exit::os_not_supported);
}

Exit Run::check_size() {
  Check& check = report_.add("vm-size");
  // The hardware lacks none of this time: it comes up while IMDS is asked.
  long budget = patience_.left_ms() < options_.identify_ms ? patience_.left_ms() : options_.identify_ms;
  if (budget < shortest_imds_ms) budget = shortest_imds_ms;
  identify_until_ = now_ms() + options_.identify_ms;
  identify_vm(options_.root, options_.imds, budget, report_.vm);
  look();
  if (report_.vm.size.empty()) return judge_without_size(check);
  check.evidence << report_.vm.size << " (from " << report_.vm.source << ") ";
  Buffer<80> size;
  normalise_vm_size(report_.vm.size, size);
  for (const SizeRow& row : size_rows)
    if (size.view() == row.name) return judge_known_size(row, check);
  return judge_unlisted_size(size, check);
}

/// A function that is really InfiniBand wins over the table: Azure has moved sizes from NetworkDirect to SR-IOV before.
Exit Run::judge_known_size(const SizeRow& row, Check& check) {
  if (row.transport == Transport::sriov) {
    report_.expected_hcas = row.hcas;
    check.evidence << "has " << row.hcas << (row.hcas == 1 ? " HCA, " : " HCAs, ") << row.generation;
    return Exit::success;
  }
  check.evidence << (row.transport == Transport::networkdirect ? networkdirect_words : "has no InfiniBand");
  if (!proves_infiniband(report_.hardware)) return fail(check, Exit::size_not_supported);
  check.evidence << "; but an InfiniBand function is on PCI, so going on";
  check.verdict = Verdict::warn;
  return Exit::success;
}

Exit Run::judge_unlisted_size(View size, Check& check) {
  const bool proven = proves_infiniband(report_.hardware);
  if (!name_promises_rdma(size) && !proven) {
    check.evidence << "has no InfiniBand: RDMA-capable sizes carry an 'r' after their number, and no InfiniBand "
                      "function is on PCI";
    return fail(check, Exit::size_not_supported);
  }
  check.evidence << "is not in the compatibility matrix, but "
                 << (proven ? "an InfiniBand function is on PCI" : "its 'r' promises RDMA")
                 << "; the number of HCAs to expect is unknown";
  check.verdict = Verdict::warn;
  return Exit::success;
}

/// What shows no sign of RDMA in the time that IMDS is given gets more only for a function that VMBus has offered.
/// SharedConfig is of the last boot, maybe of another size: the agent writes it later. So it counts only while the host
/// offers a function that is not on PCI, which may be the HCA.
Exit Run::judge_without_size(Check& check) {
  RdmaSigns signs;
  bool networkdirect = false;
  bool sriov = false;
  bool announced = false;
  do {
    scan_hyperv(options_.root, hyperv_);
    look();
    find_rdma_signs(options_.root, signs);
    networkdirect = hyperv_.networkdirect > 0 || !signs.nd_driver.empty();
    sriov = may_be_infiniband(report_.hardware) || !signs.ipoib_data.empty();
    announced = !signs.shared_config.empty() && hyperv_.pci_missing > 0;
  } while (!networkdirect && !sriov && !announced && (hyperv_.pci_missing > 0 || now_ms() < identify_until_) &&
           patience_.pause());

  check.evidence << "IMDS " << report_.vm.imds_note << ", cloud-init has no copy of it";
  if (may_be_infiniband(report_.hardware)) check.evidence << "; an InfiniBand function is on PCI";
  if (!signs.ipoib_data.empty()) check.evidence << "; KVP IPoIB_Data is '" << signs.ipoib_data << '\'';
  if (!signs.shared_config.empty()) check.evidence << "; SharedConfig has rdmaIPv4Address " << signs.shared_config;
  if (!sriov && networkdirect) {
    check.evidence << "; VMBus or KVP shows a NetworkDirect device: this VM " << networkdirect_words;
    return fail(check, Exit::size_not_supported);
  }
  if (!sriov && !announced) {
    if (!signs.shared_config.empty())
      check.evidence << ", but VMBus offers no function that is not on PCI, so it is taken for an earlier size's";
    check.evidence << "; no InfiniBand function on PCI, no KVP IPoIB_Data, "
                   << (signs.shared_config.empty() ? "no rdmaIPv4Address in SharedConfig, " : "")
                   << "no NetworkDirect device on VMBus: nothing here is RDMA-capable";
    return fail(check, Exit::size_not_supported);
  }
  report_.expected_hcas = signs.pairs;
  if (signs.pairs == 0) check.evidence << "; the number of HCAs to expect is unknown";
  check.verdict = Verdict::warn;
  return Exit::success;
}

/// Waits here for all that the later checks look at, so that they judge one consistent picture.
Exit Run::check_pci() {
  const long start = now_ms();
  Hardware& hardware = report_.hardware;
  look();
  while (!is_ready(hardware, report_.expected_hcas) && patience_.pause()) look();
  const auto waited = static_cast<unsigned long>((now_ms() - start) / 1000);

  Check& check = report_.add("pci-function");
  for (size_t i = 0; i < hardware.count; ++i) {
    const Function& function = hardware.functions[i];
    check.evidence << (i == 0 ? "" : "; ") << function.address << " 15b3:";
    check.evidence.hex(function.device, 4) << " class ";
    check.evidence.hex(function.pci_class, 4) << ' ';
    if (function.row != nullptr)
      check.evidence << function.row->name << " (" << function.row->driver << ", " << function.row->generation << ')';
    else
      check.evidence << "(a device id that the compatibility matrix does not have)";
  }
  if (hardware.count == 0) check.evidence << "no function of vendor 15b3 and class 0207 or 0280";
  if (waited > 0) check.evidence << ", after " << waited << " s";
  if (hardware.ethernet > 0) check.evidence << ", not counting Accelerated Networking: " << hardware.ethernet;
  if (hardware.mana > 0) check.evidence << ", not counting MANA: " << hardware.mana;
  if (hardware.count > 0) return Exit::success;

  scan_hyperv(options_.root, hyperv_);
  if (hyperv_.networkdirect > 0) {
    check.evidence << ": this VM " << networkdirect_words;
    return fail(check, Exit::size_not_supported);
  }
  if (!hyperv_.pci_driver_registered) {
    check.evidence << ": hv_pci (pci-hyperv.ko) is not loaded, without it no function can appear";
    return fail(check, Exit::no_hyperv);
  }
  return fail(check, Exit::no_infiniband);
}

Exit Run::check_driver() {
  Check& check = report_.add("driver");
  const Hardware& hardware = report_.hardware;
  bool right = true;
  for (size_t i = 0; i < hardware.count; ++i) {
    const Function& function = hardware.functions[i];
    check.evidence << (i == 0 ? "" : "; ") << function.address << ' ';
    if (function.driver.empty())
      check.evidence << "has no driver bound";
    else
      check.evidence << function.driver;
    if (has_right_driver(function)) continue;
    right = false;
    if (function.row == nullptr) continue;
    Buffer<32> needed(function.row->driver);
    needed << "_core";
    check.evidence << ", needs " << needed;
    if (!baked_.module.empty() && !(baked_.module.view() == needed))
      check.evidence << ", but this image was baked for " << baked_.module;
  }
  return right ? Exit::success : fail(check, Exit::failed);
}

Exit Run::check_hca_count() {
  Check& check = report_.add("hca-count");
  const auto count = static_cast<unsigned long>(report_.hardware.count);
  check.evidence << count << (count == 1 ? " HCA" : " HCAs");
  if (report_.expected_hcas == 0) {
    check.evidence << ", number to expect unknown";
    return Exit::success;
  }
  check.evidence << " of " << report_.expected_hcas << " that this VM should have";
  return count == report_.expected_hcas ? Exit::success : fail(check, Exit::failed);
}

Exit Run::check_infiniband() {
  Check& check = report_.add("infiniband");
  const Hardware& hardware = report_.hardware;
  bool right = true;
  for (size_t i = 0; i < hardware.count; ++i) {
    const Function& function = hardware.functions[i];
    check.evidence << (i == 0 ? "" : "; ") << function.address << ' ';
    if (function.infiniband.empty())
      check.evidence << "has no device in /sys/class/infiniband";
    else
      check.evidence << function.infiniband << " link_layer "
                     << (function.port.empty() ? View("of no port") : function.link_layer.view());
    right = right && function.link_layer.view() == "InfiniBand";
  }
  return right ? Exit::success : fail(check, Exit::failed);
}

void Run::list_ports(Check& check) const {
  const Hardware& hardware = report_.hardware;
  for (size_t i = 0; i < hardware.count; ++i) {
    const Function& function = hardware.functions[i];
    check.evidence << (i == 0 ? "" : "; ") << function.infiniband << " port " << function.port << ' '
                   << port_state_name(function.port_state) << ' ' << function.rate;
  }
}

Exit Run::check_port() {
  Check& check = report_.add("port");
  list_ports(check);
  if (is_ready(report_.hardware, report_.expected_hcas)) return Exit::success;
  check.evidence << ": not ACTIVE within " << report_.wait << " s";
  return fail(check, Exit::failed);
}

Exit Run::check_module_version() {
  Check& check = report_.add("module-version");
  if (!has_conf_) {
    check.evidence << "not checked: no " << conf_path;
    check.verdict = Verdict::warn;
    return Exit::success;
  }
  if (baked_.module_version.empty()) {
    check.evidence << "not checked: the image was baked with " << (baked_.ofed.empty() ? "?" : baked_.ofed.c_str())
                   << " and states no module version";
    if (!(baked_.ofed.view() == "inbox")) check.verdict = Verdict::warn;
    return Exit::success;
  }
  // The module in use, which need not be the one that conf names: one image may serve both lines, and all modules of
  // a driver release have one version.
  bool right = true;
  View seen;
  for (size_t i = 0; i < report_.hardware.count; ++i) {
    const View driver = report_.hardware.functions[i].driver;
    if (driver == seen) continue;
    seen = driver;
    Path path = below(options_.root, "/sys/module/");
    path << driver << "/version";
    Buffer<64> loaded;
    read_line(path.c_str(), loaded);
    check.evidence << driver << ' ' << (loaded.empty() ? "without a version" : loaded.c_str()) << ", ";
    right = right && loaded.view() == baked_.module_version;
  }
  check.evidence << "baked " << baked_.module_version << " of " << baked_.ofed;
  if (!baked_.module.empty()) check.evidence << " for " << baked_.module;
  return right ? Exit::success : fail(check, Exit::failed);
}

void summarise_success(const Report& report, Text& out) {
  const Hardware& hardware = report.hardware;
  const Function& function = hardware.functions[0];
  out << ": InfiniBand is ready, " << static_cast<unsigned long>(hardware.count);
  if (report.expected_hcas > 0) out << " of " << report.expected_hcas;
  out << (hardware.count == 1 ? " HCA ACTIVE, " : " HCAs ACTIVE, ");
  if (function.row != nullptr) out << function.row->driver << ' ' << function.row->generation << ' ';
  out << "0x";
  out.hex(function.device, 4) << ' ' << function.rate;
}

}  // namespace

void run_checks(const CheckOptions& options, Report& report) {
  report.count = 0;
  report.expected_hcas = 0;
  utc_time(report.start);
  report.exit = Run(options, report).all();
  ask_dmi(options.root, report.vm);  // for the state, when a check failed before the VM was identified
  utc_time(report.time);
  report.message.clear();
  report.message << words_for(report.exit);
  if (report.exit == Exit::success)
    summarise_success(report, report.message);
  else
    report.message << ": " << report.checks[report.count - 1].evidence.view();
}

}  // namespace firstboot
