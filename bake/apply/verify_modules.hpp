#pragma once

#include <vector>

#include "bake/apply/verify.hpp"

namespace bake::apply {

/// The checks about kernel modules and the initramfs.
std::vector<Check> verify_modules(guest::Guest& guest, const guest::Facts& facts, const plan::Expectations& expected);

}  // namespace bake::apply
