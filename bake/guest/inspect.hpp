#pragma once

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// Programs that facts look for: those bake may call in a guest.
const std::set<std::string>& programs_of_interest();

/// Everything about the guest that a plan needs. Reads files; runs only the guest's own package manager, which answers
/// questions. Throws Error{failed} or Error{incompatible} when the guest is no system bake can work on.
Facts inspect(Guest& guest, const Layout& layout);

}  // namespace bake::guest
