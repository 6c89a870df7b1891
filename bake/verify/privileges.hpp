#pragma once

#include <vector>

#include "bake/guest/guest.hpp"
#include "bake/plan/expectations.hpp"
#include "bake/verify/check.hpp"

namespace bake::verify {

/// Returns the accounts, setuid files and authorized keys of a guest, for the manifest of an image that is made from
/// it. One script looks at every file system, which takes seconds under emulation. Throws Error{failed} when it fails.
plan::Privileges find_privileges(guest::Guest& guest);

/// Compares those of the image with those of its base: an account with the user id 0, an empty password, a setuid file
/// or an authorized key that only the image has fails a required check. Those that the base has too are advice. A
/// setuid file may also come from a package of the bake.
std::vector<Check> verify_privileges(guest::Guest& guest, const plan::Expectations& expected);

}  // namespace bake::verify
