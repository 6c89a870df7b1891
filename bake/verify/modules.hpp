#pragma once

#include <vector>

#include "bake/verify/guest.hpp"

namespace bake::verify {

/// The checks about kernel modules and the initramfs.
std::vector<Check> verify_modules(guest::Guest& guest, const guest::Facts& facts, const plan::Expectations& expected);

}  // namespace bake::verify
