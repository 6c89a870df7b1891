#pragma once

#include "firstboot/text.hpp"

// Link rates in Gb/s. 0: unknown.
namespace firstboot {

/// Returns the rate of a card ("CX6"), 0 when the card is not in the table.
unsigned rate_of_card(View generation);

/// Returns the rate of each HCA of a VM size. `size`: lower case, as in the compatibility matrix.
unsigned rate_of_size(View size, View generation);

/// Returns 200 for "200 Gb/sec (4X HDR)", the form in sysfs; drops decimals. 0: the text is malformed.
unsigned parse_rate(View text);

}  // namespace firstboot
