#pragma once

#include "firstboot/checks.hpp"
#include "firstboot/hyperv.hpp"
#include "firstboot/retry_timer.hpp"
#include "firstboot/sources.hpp"

namespace firstboot {

inline constexpr const char* conf_path = "/etc/ib-firstboot.conf";
/// Continues a sentence that begins with the VM or its size.
inline constexpr const char* networkdirect_reason =
    "offers InfiniBand through NetworkDirect only, not SR-IOV: no driver of MLNX_OFED or of Linux can use it; choose "
    "an SR-IOV size such as Standard_HB120rs_v3";

/// One run over all checks. Each check_ function adds one check to the report, writes its evidence and returns the exit
/// code: success, or the code of its failure.
class Run {
 public:
  Run(const CheckOptions& options, Report& report) : options_(options), report_(report) {}

  /// Runs the checks in order up to the first failure. Returns the exit code of the run.
  Exit all();

 private:
  void read_conf();
  void scan() { scan_hardware(options_.root, report_.hardware); }

  // checks_platform.cpp
  Exit check_hyperv();
  Exit check_release();
  Exit check_size();
  Exit check_listed_size(const SizeRow& row, Check& check);
  Exit check_unlisted_size(View size, Check& check);
  Exit check_unknown_size(Check& check);

  // checks_hardware.cpp
  void wait_until_stable();
  bool stays_ready();
  Exit check_pci();
  Exit explain_missing_function(Check& check);
  Exit check_driver();
  Exit check_hca_count();
  Exit check_infiniband();
  Exit check_uverbs();
  Exit check_port();
  Exit check_link_rate();
  Exit check_module_version();

  static Exit fail(Check& check, Exit exit) {
    check.result = Result::fail;
    return exit;
  }

  const CheckOptions& options_;
  Report& report_;
  BakedFacts baked_;
  bool has_conf_ = false;
  HyperV hyperv_;
  RetryTimer retry_{0};
  unsigned long waited_s_ = 0;  ///< until everything was ready for the first time, or to the deadline
  unsigned drops_ = 0;          ///< how often the hardware was ready and then not any more
  long identify_until_ = 0;     ///< time on the clock of now_ms()
};

}  // namespace firstboot
