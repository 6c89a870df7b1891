#pragma once

#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"
#include "bake/plan/expectations.hpp"
#include "bake/verify/check.hpp"

namespace bake::verify {

/// Asks the finished guest itself: packages and their database, the module that the kernel will load, unresolved
/// symbols, initramfs, services, agent, holds, firstboot, labels, traces of the bake. Changes nothing. `facts`: of this
/// guest now.
std::vector<Check> verify_guest(guest::Guest& guest, const guest::Facts& facts, const plan::Expectations& expected);

}  // namespace bake::verify
