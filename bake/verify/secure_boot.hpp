#pragma once

#include <string_view>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"
#include "bake/plan/expectations.hpp"
#include "bake/verify/check.hpp"

namespace bake::verify {

/// Checks what Secure Boot needs, with the certificates alone: that the kernel's image is signed, and that the kernel
/// loads no module that is unsigned, or signed by another key or in another form. Modules of the kernel's own packages
/// do not count, because the distribution signed them. Skipped without `secure_boot`.
std::vector<Check> verify_secure_boot(guest::Guest& guest, const guest::Facts& facts,
                                      const plan::Expectations& expected);

/// Returns whether a PE file has a certificate table, in which signatures for UEFI are (Microsoft, "PE Format",
/// optional header data directories). False for other files. Does not check the signature, because the keys for it are
/// in the firmware and in shim.
bool is_signed_pe(std::string_view bytes);

}  // namespace bake::verify
