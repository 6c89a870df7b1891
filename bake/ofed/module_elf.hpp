#pragma once

#include <string>
#include <string_view>

#include "bake/ofed/bundle.hpp"

namespace bake::ofed {

/// True for the file name of a kernel module, compressed or not: x.ko, x.ko.xz, x.ko.gz, x.ko.zst.
bool is_module_path(std::string_view path);

/// The kernel release in a module's path: "/lib/modules/<release>/…"; empty when there is none.
std::string kernel_of_path(std::string_view path);

/// What the ELF file `bytes` (an uncompressed module) says of itself: modinfo, the symbols it imports (__versions) and
/// exports (__crc_…), with their CRCs. Throws Error{untrusted} when it is no 64-bit ELF object.
ModuleFacts read_module(std::string_view bytes, const std::string& path);

}  // namespace bake::ofed
