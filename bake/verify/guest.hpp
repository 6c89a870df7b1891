#pragma once

#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"
#include "bake/plan/expectations.hpp"
#include "bake/verify/check.hpp"

namespace bake::verify {

/// Checks the finished guest: packages and their database, the module that the kernel will load, unresolved symbols,
/// initramfs, services, agent, holds, ib-firstboot, labels, traces of the bake. Changes nothing. `facts` must be the
/// current facts of this guest.
std::vector<Check> verify_guest(guest::Guest& guest, const guest::Facts& facts, const plan::Expectations& expected);

/// Checks the kernel modules and the initramfs: the part of verify_guest() in modules.cpp.
std::vector<Check> verify_modules(guest::Guest& guest, const guest::Facts& facts, const plan::Expectations& expected);

/// Checks that no temporary file of the bake and no new private key remains, and that everything is gone that
/// `generalize` removes: the part of verify_guest() in traces.cpp.
Check verify_traces(guest::Guest& guest, const guest::Facts& facts, const plan::Expectations& expected);

}  // namespace bake::verify
