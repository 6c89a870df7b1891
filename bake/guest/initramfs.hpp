#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/modules_dep.hpp"

namespace bake::guest {

/// The kernel modules in an initramfs.
struct InitramfsContent {
  std::vector<std::string> modules;  ///< paths below the root, sorted: "lib/modules/K/kernel/…/hv_storvsc.ko.xz"
  /// Module name → path, as modprobe inside the initramfs resolves it: from its own modules.dep (depmod(8)).
  std::map<std::string, std::string> resolved;
  /// Programs and libraries were found as well, so the file is not only an early archive (microcode).
  bool has_root = false;
};

/// The size limit in bytes of an initramfs file. A generic one of Enterprise Linux has about 70 MiB.
inline constexpr std::size_t max_initramfs = std::size_t{256} << 20U;

/// Reads an initramfs of kernel `release`: any number of uncompressed cpio archives (early microcode, firmware) and
/// then one compressed with gzip, bzip2, lzma, xz, lz4 or zstd (kernel:
/// Documentation/driver-api/early-userspace/buffer-format.rst). `bytes` comes from the guest: it is hostile input.
/// Throws Error{verification} for damaged content and for one that unpacks to more than 2 GiB; `name` is for the
/// message.
InitramfsContent read_initramfs(std::string_view bytes, const std::string& release, const std::string& name);

/// Returns whether a module is one of the card or of the RDMA subsystem, which a driver bundle replaces.
bool is_rdma_module(std::string_view name);

/// Returns what `names` lack in the initramfs to be loaded there: "nvme needs nvme_core, which is missing" for each
/// module that the image's modules.dep says one of them depends on (depmod(8): the dependencies of dependencies
/// included).
std::vector<std::string> missing_dependencies(const InitramfsContent& content, std::string_view modules_dep,
                                              const std::vector<std::string>& names);

/// Calls `visit` with the path and the content, which may be compressed, of each module for whose path `wanted` returns
/// true: "lib/modules/K/kernel/drivers/nvme/host/nvme.ko.xz". Throws like read_initramfs().
void each_initramfs_module(std::string_view bytes, const std::string& name,
                           const std::function<bool(std::string_view)>& wanted,
                           const std::function<void(const std::string&, std::string)>& visit);

}  // namespace bake::guest
