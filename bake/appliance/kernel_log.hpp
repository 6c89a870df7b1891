#pragma once

#include <string>
#include <string_view>

namespace bake::guest {

/// The first line of the appliance's kernel log (dmesg) that reports a failed write to a disk, without its time stamp;
/// empty when there is none. Failed reads do not count, and neither do discards and zeroing that a disk does not
/// support. Linux prints these lines in block/blk-core.c, blk_print_req_error: "critical space allocation error, dev
/// sda, sector 264192 op 0x1:(WRITE) …".
std::string find_lost_write(std::string_view log);

/// True when a line of find_lost_write() is about `device`, "/dev/sdb". The kernel assigns the letters in the order in
/// which it finds the disks, not in the order of attachment.
bool is_of_device(std::string_view line, std::string_view device);

}  // namespace bake::guest
