#include "firstboot/checks.hpp"

#include "firstboot/run.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

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

void Run::read_conf() {
  char bytes[4096];
  const View conf = read_file(below(options_.root, conf_path).c_str(), bytes, sizeof bytes);
  has_conf_ = !conf.empty();
  baked_ = parse_baked_facts(conf);
  const unsigned wait = options_.wait >= 0 ? static_cast<unsigned>(options_.wait) : baked_.wait;
  report_.wait = wait < options_.max_wait ? wait : options_.max_wait;
}

Exit Run::all() {
  read_conf();
  retry_ = RetryTimer(static_cast<long>(report_.wait) * 1000);
  using Step = Exit (Run::*)();
  static constexpr Step steps[] = {&Run::check_hyperv,     &Run::check_release,       &Run::check_size,
                                   &Run::check_pci,        &Run::check_driver,        &Run::check_hca_count,
                                   &Run::check_infiniband, &Run::check_uverbs,        &Run::check_port,
                                   &Run::check_link_rate,  &Run::check_module_version};
  Exit exit = Exit::success;
  for (size_t i = 0; i < sizeof steps / sizeof steps[0] && exit == Exit::success; ++i) {
    const Step step = steps[i];  // a variable, because gcc 12's -fsanitize=bounds checks a wrong index inside the call
    exit = (this->*step)();
    utc_time(report_.checks[report_.count - 1].time);
  }
  return exit;
}

void run_checks(const CheckOptions& options, Report& report) {
  report.count = 0;
  report.expected_hcas = 0;
  report.expected_rate = 0;
  utc_time(report.start);
  report.exit = Run(options, report).all();
  read_dmi_id(options.root, report.vm);  // for the state, when a check failed before the VM was identified
  utc_time(report.time);
  report.message.clear();
  report.message << meaning_of(report.exit);
  if (report.exit == Exit::success)
    summarise_success(report, report.message);
  else
    report.message << ": " << report.checks[report.count - 1].evidence.view();
}

}  // namespace firstboot
