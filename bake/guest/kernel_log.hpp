#pragma once

#include <string>
#include <string_view>

namespace bake::guest {

/// The first line of the appliance's kernel log (dmesg) that says that a disk did not take a write, without its time
/// stamp; empty when there is none. Failed reads, and discards and zeroing that a disk cannot do, are not meant. The
/// words are those of Linux (block/blk-core.c, blk_print_req_error): "critical space allocation error, dev sda, sector
/// 264192 op 0x1:(WRITE) …".
std::string find_lost_write(std::string_view log);

/// Whether such a line is about `device`, "/dev/sdb". The letters are given in the order in which disks were found, and
/// that is not the order in which they were attached.
bool is_of_device(std::string_view line, std::string_view device);

}  // namespace bake::guest
