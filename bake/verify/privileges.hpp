#pragma once

#include <vector>

#include "bake/guest/guest.hpp"
#include "bake/plan/expectations.hpp"
#include "bake/verify/check.hpp"

namespace bake::verify {

/// Returns the accounts, setuid files, files with capabilities and authorized keys of a guest, for the manifest of an
/// image and for verify_privileges(). No program of the guest runs. Looks at every file, which takes seconds under
/// emulation.
plan::Privileges find_privileges(guest::Guest& guest);

/// Compares `found`, the privileges of the image before any of its programs ran, with those that the manifest records.
/// A file or key that the finished image did not have, or had in another state, fails a required check. So does an
/// account with the user id 0, an empty password, a setuid file, a file with capabilities or an authorized key that the
/// base did not have; a file may also come from a package of the bake. Accounts that the base has too are advice.
std::vector<Check> verify_privileges(guest::Guest& guest, const plan::Expectations& expected,
                                     const plan::Privileges& found);

}  // namespace bake::verify
