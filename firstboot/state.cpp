#include "firstboot/state.hpp"

#include "firstboot/sources.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

constexpr const char* state_path = "/var/lib/ib-firstboot/state";

}  // namespace

State load_state(View root) {
  State state;
  char bytes[1024];
  const View text = read_file(below(root, state_path).c_str(), bytes, sizeof bytes);
  Buffer<8> exit;
  find_value(text, "VM_ID", state.vm_id);
  find_value(text, "VM_SIZE", state.vm_size);
  find_value(text, "KERNEL", state.kernel);
  find_value(text, "SINCE", state.since);
  state.good = find_value(text, "EXIT", exit) && exit.view() == "0";
  return state;
}

bool save_state(View root, const State& state) {
  Buffer<512> text;
  text << "VM_ID=" << state.vm_id << "\nVM_SIZE=" << state.vm_size << "\nKERNEL=" << state.kernel
       << "\nSINCE=" << state.since << "\nEXIT=" << (state.good ? "0" : "1") << '\n';
  return replace_file(below(root, state_path), text);
}

State compare_state(View root, const State& last, bool force, Report& report) {
  State now;
  now.vm_id = report.vm.id;
  normalise_vm_size(report.vm.size, now.vm_size);
  read_line(below(root, "/proc/sys/kernel/osrelease").c_str(), now.kernel);
  now.since = report.time;
  now.good = report.exit == Exit::success;

  report.reason.clear();
  if (last.since.empty() || !(last.vm_id.view() == now.vm_id)) {
    report.reason << "first run on this VM";
  } else if (!(last.vm_size.view() == now.vm_size)) {
    report.reason << "VM size was " << (last.vm_size.empty() ? "unknown" : last.vm_size.c_str());
  } else if (!(last.kernel.view() == now.kernel)) {
    report.reason << "kernel was " << last.kernel;
  } else if (last.good != now.good) {
    report.reason << "the last verdict was " << (last.good ? "good" : "bad");
  } else {
    report.reason << "same VM and verdict since " << last.since;
    report.unchanged = now.good && !now.vm_id.empty() && !force;
    now.since = last.since;
  }
  return now;
}

}  // namespace firstboot
