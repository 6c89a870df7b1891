#pragma once

#include "firstboot/report.hpp"

namespace firstboot {

/// The result of the last run on this disk, from /var/lib/ib-firstboot/state. An image captured from a VM has the state
/// of that VM, so the id tells whether the state is from this VM.
struct State {
  Buffer<40> vm_id;
  Buffer<80> vm_size;
  Buffer<64> kernel;
  Buffer<24> since;  ///< UTC, the first run with this state
  Buffer<8> exit;    ///< exit code of the verdict, decimal
};

/// Reads the state file. All fields are empty when it is missing.
State load_state(View root);
/// Replaces the state file. False: it cannot be written.
bool save_state(View root, const State& state);

/// Compares this run with the last one, fills in `report.reason` and `report.unchanged`, and returns the state to save.
/// When this run does not know the size, the size of the last run is kept. `force`: `report.unchanged` stays false.
State compare_state(View root, const State& last, bool force, Report& report);

}  // namespace firstboot
