#pragma once

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// The programs that inspection looks for: those that bake may call in a guest.
const std::set<std::string>& programs_of_interest();

/// Returns all facts about the guest that a plan needs. Reads files, and runs only queries of the guest's own package
/// manager. Throws Error{failed} or Error{incompatible} when bake does not support the guest's system.
Facts inspect(Guest& guest, const Layout& layout);

}  // namespace bake::guest
