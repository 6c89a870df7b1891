// The checks of the hardware: PCI functions, their driver, InfiniBand devices, ports and the module version.
#include "firstboot/rates.hpp"
#include "firstboot/run.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

constexpr long stable_ms = 1000;
constexpr long sample_ms = 10;

void list_ports(const Hardware& hardware, Check& check) {
  for (size_t i = 0; i < hardware.count; ++i) {
    const Function& function = hardware.functions[i];
    check.evidence << (i == 0 ? "" : "; ") << function.infiniband << " port " << function.port << ' '
                   << port_state_name(function.port_state) << ' ' << function.rate;
  }
}

}  // namespace

/// Waits for everything that the later checks need, so that all of them use one consistent scan. A port that flaps is
/// ACTIVE in most scans, so everything must stay ready for one second. When it does not, the wait goes on up to the
/// deadline, because a link may drop once while it comes up. On failure the last scan is one that is not ready.
void Run::wait_until_stable() {
  const long start = now_ms();
  do {
    scan();
    while (!is_ready(report_.hardware, report_.expected_hcas) && retry_.pause()) scan();
    if (drops_ == 0) waited_s_ = static_cast<unsigned long>((now_ms() - start) / 1000);
    if (!is_ready(report_.hardware, report_.expected_hcas) || stays_ready()) return;
    ++drops_;
  } while (retry_.left_ms() > 0);
}

bool Run::stays_ready() {
  const long end = now_ms() + stable_ms;
  while (now_ms() < end) {
    sleep_ms(sample_ms);
    scan();
    if (!is_ready(report_.hardware, report_.expected_hcas)) return false;
  }
  return true;
}

Exit Run::check_pci() {
  wait_until_stable();
  const Hardware& hardware = report_.hardware;
  Check& check = report_.add("pci-function");
  for (size_t i = 0; i < hardware.count; ++i) {
    const Function& function = hardware.functions[i];
    check.evidence << (i == 0 ? "" : "; ") << function.address << " 15b3:";
    check.evidence.hex(function.device, 4) << " class ";
    check.evidence.hex(function.pci_class, 4) << ' ';
    if (function.row != nullptr)
      check.evidence << function.row->name << " (" << function.row->driver << ", " << function.row->generation << ')';
    else
      check.evidence << "(device id not in the compatibility matrix)";
  }
  if (hardware.count == 0) check.evidence << "no function of vendor 15b3 and class 0207 or 0280";
  if (waited_s_ > 0) check.evidence << ", after " << waited_s_ << " s";
  const Exit exit = hardware.count > 0 ? Exit::success : explain_missing_function(check);
  if (hardware.ethernet > 0) check.evidence << ", not counting Accelerated Networking: " << hardware.ethernet;
  if (hardware.mana > 0) check.evidence << ", not counting MANA: " << hardware.mana;
  return exit;
}

/// A function that VMBus offers and PCI does not show is a fault of pci-hyperv, not of the host: a newer kernel was the
/// cure for CentOS 7.7 on NC24rs_v3 (openlogic/AzureBuildCentOS issue 92).
Exit Run::explain_missing_function(Check& check) {
  scan_hyperv(options_.root, hyperv_);
  if (hyperv_.networkdirect > 0) {
    check.evidence << ": this VM " << networkdirect_reason;
    return fail(check, Exit::size_not_supported);
  }
  if (!hyperv_.pci_driver_registered) {
    check.evidence << ": hv_pci (pci-hyperv.ko) is not loaded, so no function can appear";
    return fail(check, Exit::no_hyperv);
  }
  if (hyperv_.pci_missing > 0)
    check.evidence << "; PCI functions that VMBus offers and PCI does not show: " << hyperv_.pci_missing
                   << "; boot a newer kernel, because pci-hyperv of this kernel does not bring them up and a redeploy "
                      "does not help";
  else
    check.evidence << "; VMBus offers no further PCI function; stop (deallocate) and start the VM to get another host";
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
    check.evidence << ", the expected number is unknown";
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
      check.evidence << function.infiniband << (function.port.empty() ? View(" has no port") : View(" link_layer "))
                     << function.link_layer;
    right = right && function.link_layer.view() == "InfiniBand";
  }
  return right ? Exit::success : fail(check, Exit::failed);
}

Exit Run::check_uverbs() {
  Check& check = report_.add("uverbs");
  const Hardware& hardware = report_.hardware;
  bool complete = true;
  for (size_t i = 0; i < hardware.count; ++i) {
    const Function& function = hardware.functions[i];
    check.evidence << (i == 0 ? "" : "; ") << function.infiniband << ' '
                   << (function.uverbs.empty() ? View("has no uverbs device") : function.uverbs.view());
    complete = complete && !function.uverbs.empty();
  }
  if (complete) return Exit::success;
  // Built into the kernel, the module has no directory in /sys/module, but its class is there.
  const bool loaded = exists(below(options_.root, "/sys/module/ib_uverbs").c_str()) ||
                      exists(below(options_.root, "/sys/class/infiniband_verbs").c_str());
  check.evidence << (loaded ? ", although module ib_uverbs is loaded" : ": module ib_uverbs is not loaded")
                 << "; without it no program can use InfiniBand";
  return fail(check, Exit::failed);
}

Exit Run::check_port() {
  Check& check = report_.add("port");
  list_ports(report_.hardware, check);
  const bool stable = is_ready(report_.hardware, report_.expected_hcas);
  if (!stable) check.evidence << ": not ACTIVE" << (drops_ > 0 ? " for 1 s" : "") << " within " << report_.wait << " s";
  if (drops_ > 0) {
    check.evidence << ", left ACTIVE " << drops_ << (drops_ == 1 ? " time" : " times")
                   << (stable ? " before it was stable" : ": the link flaps");
    check.result = Result::warn;
  }
  return stable ? Exit::success : fail(check, Exit::failed);
}

/// A ConnectX-7 with a driver that is too old trains at SDR (MicrosoftDocs/azure-compute-docs, hx-series-overview.md),
/// and Microsoft's health checks compare the rate too (Azure/azurehpc-health-checks, conf/). The rate of a card is only
/// a warning, because an unlisted size may use the card at a lower rate.
Exit Run::check_link_rate() {
  Check& check = report_.add("link-rate");
  const Hardware& hardware = report_.hardware;
  bool slower_than_size = false;
  for (size_t i = 0; i < hardware.count; ++i) {
    const Function& function = hardware.functions[i];
    const unsigned rate = parse_rate(function.rate);
    const bool size_known = report_.expected_rate > 0;
    const View generation = function.row == nullptr ? "" : function.row->generation;
    const unsigned expected = size_known ? report_.expected_rate : rate_of_card(generation);
    check.evidence << (i == 0 ? "" : "; ") << function.infiniband << " port " << function.port << ' '
                   << (rate == 0 ? View("has no rate") : function.rate.view());
    if (rate == 0) check.result = Result::warn;
    if (rate == 0 || rate >= expected) continue;
    check.evidence << ", slower than the " << expected << " Gb/sec of "
                   << (size_known ? report_.vm.size.view() : generation);
    check.result = Result::warn;
    slower_than_size = slower_than_size || size_known;
  }
  return slower_than_size && baked_.strict_rate ? fail(check, Exit::failed) : Exit::success;
}

Exit Run::check_module_version() {
  Check& check = report_.add("module-version");
  if (!has_conf_) {
    check.evidence << "not checked: no " << conf_path;
    check.result = Result::warn;
    return Exit::success;
  }
  if (baked_.module_version.empty()) {
    check.evidence << "not checked: the image was baked with " << (baked_.ofed.empty() ? "?" : baked_.ofed.c_str())
                   << " and the conf file has no module version";
    if (!(baked_.ofed.view() == "inbox")) check.result = Result::warn;
    return Exit::success;
  }
  // Checks the bound module, which may differ from MODULE of the conf file: one image may serve both release lines,
  // and all modules of a driver release have one version.
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

}  // namespace firstboot
