#include "firstboot/state.hpp"

#include "firstboot/sources.hpp"
#include "firstboot/system.hpp"

namespace firstboot {
namespace {

constexpr const char* state_path = "/var/lib/ib-firstboot/state";

/// On generation 1 VMs, IMDS and DMI have different byte orders in the first three fields of the VM id
/// (cloud-init, sources/azure/identity.py: byte_swap_system_uuid).
bool is_same_vm(View a, View b) {
  static constexpr unsigned char swapped[] = {6, 7, 4, 5, 2, 3, 0, 1, 8, 11, 12, 9, 10, 13, 16, 17, 14, 15};
  if (a == b) return true;
  if (a.size != 36 || b.size != 36 || !(skip(a, sizeof swapped) == skip(b, sizeof swapped))) return false;
  for (size_t i = 0; i < sizeof swapped; ++i)
    if (a[i] != b[swapped[i]]) return false;
  return true;
}

}  // namespace

State load_state(View root) {
  State state;
  char bytes[1024];
  const View text = read_file(below(root, state_path).c_str(), bytes, sizeof bytes);
  find_value(text, "VM_ID", state.vm_id);
  find_value(text, "VM_SIZE", state.vm_size);
  find_value(text, "KERNEL", state.kernel);
  find_value(text, "SINCE", state.since);
  find_value(text, "EXIT", state.exit);
  return state;
}

bool save_state(View root, const State& state) {
  Buffer<512> text;
  text << "VM_ID=" << state.vm_id << "\nVM_SIZE=" << state.vm_size << "\nKERNEL=" << state.kernel
       << "\nSINCE=" << state.since << "\nEXIT=" << state.exit << '\n';
  return replace_file(below(root, state_path), text);
}

State compare_state(View root, const State& last, bool force, Report& report) {
  State now;
  now.vm_id = report.vm.id;
  normalise_vm_size(report.vm.size, now.vm_size);
  read_line(below(root, "/proc/sys/kernel/osrelease").c_str(), now.kernel);
  now.since = report.time;
  now.exit << static_cast<unsigned>(report.exit);
  const bool same_vm = !last.since.empty() && is_same_vm(last.vm_id, now.vm_id);
  if (same_vm && now.vm_size.empty()) now.vm_size = last.vm_size;

  report.reason.clear();
  if (!same_vm) {
    report.reason << "first run on this VM";
  } else if (!(last.vm_size.view() == now.vm_size)) {
    report.reason << "VM size was " << (last.vm_size.empty() ? "unknown" : last.vm_size.c_str());
  } else if (!(last.kernel.view() == now.kernel)) {
    report.reason << "kernel was " << last.kernel;
  } else if (!(last.exit.view() == now.exit)) {
    report.reason << "the last verdict was exit " << last.exit;
  } else {
    report.reason << "same VM and verdict since " << last.since;
    report.unchanged = report.exit == Exit::success && !now.vm_id.empty() && !force;
    now.since = last.since;
  }
  return now;
}

}  // namespace firstboot
