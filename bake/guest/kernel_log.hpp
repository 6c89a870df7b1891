#pragma once

#include <string>
#include <string_view>

namespace bake::guest {

/// The first line of the appliance's kernel log (dmesg) that says that a disk did not take a write, without its time
/// stamp; empty when there is none. Failed reads, and discards and zeroing that a disk cannot do, are not meant. The
/// words are those of Linux (block/blk-core.c, blk_print_req_error): "critical space allocation error, dev sda, sector
/// 264192 op 0x1:(WRITE) …".
std::string find_lost_write(std::string_view log);

}  // namespace bake::guest
