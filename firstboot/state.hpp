#pragma once

#include "firstboot/report.hpp"

namespace firstboot {

/// What the last run on this disk saw, kept in /var/lib/ib-firstboot/state. A generalised image carries the state of
/// the VM that it was captured from, so the VM's id tells whether it is ours.
struct State {
  Buffer<40> vm_id;
  Buffer<80> vm_size;
  Buffer<64> kernel;
  Buffer<24> since;  ///< UTC, when this state was first seen
  Buffer<8> exit;    ///< exit code of the verdict, decimal
};

State load_state(View root);
bool save_state(View root, const State& state);

/// Compares the finished run with the last one, fills in `report.reason` and `report.unchanged`, and gives the state to
/// save. A size that this run could not learn counts as the last one. `force`: never call it unchanged.
State compare_state(View root, const State& last, bool force, Report& report);

}  // namespace firstboot
