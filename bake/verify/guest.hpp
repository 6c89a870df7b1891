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

/// Checks ib-firstboot: the program, its unit and what changes the unit, its configuration. Skipped when another
/// version of bake made the image with other files and nothing is wrong, because this bake does not have that version's
/// files: the part of verify_guest() in firstboot.cpp.
Check verify_firstboot(guest::Guest& guest, const guest::Facts& facts, const plan::Expectations& expected);

/// Makes that skipped check advice. For an image that is compared neither with a manifest from outside nor with a key:
/// the version in the image, the digest in the image and the program may then all be forged.
void advise_unvouched_firstboot(std::vector<Check>& checks);

/// Checks the limits of locked memory that count in sessions and in services: the part of verify_guest() in
/// locked_memory.cpp.
Check verify_locked_memory(guest::Guest& guest, const plan::Expectations& expected);

/// Checks what `customize` of the recipe put into the image: the part of verify_guest() in customize.cpp.
Check verify_customization(guest::Guest& guest, const plan::Expectations& expected);

}  // namespace bake::verify
