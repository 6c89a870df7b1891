#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace bake::guest {

/// The size limit of an unpacked kernel module in bytes. The largest of a distribution, amdgpu, has 20 MB.
inline constexpr std::size_t max_module = std::size_t{48} << 20U;

/// Symbols and the CRCs of their prototypes, as symvers lists them for a kernel.
using SymbolVersions = std::map<std::string, std::uint32_t>;

/// One kernel module of a package: enough data to decide whether a kernel can load it.
struct ModuleFacts {
  std::string name;      ///< mlx5_core
  std::string path;      ///< in the payload: /lib/modules/3.10.0-1062.el7.x86_64/extra/mlnx-ofa_kernel/…/mlx5_core.ko
  std::string version;   ///< modinfo version: "5.5-1.0.3"
  std::string vermagic;  ///< "3.10.0-1062.el7.x86_64 SMP mod_unload modversions"
  SymbolVersions imports;   ///< symbol → CRC, from __versions
  SymbolVersions exports;   ///< symbol → CRC, from __crc_* symbols
  std::string signer = {};  ///< who signed it, as its signature says; empty: it has none
};

/// True for the file name of a kernel module, compressed or not: x.ko, x.ko.xz, x.ko.gz, x.ko.zst.
bool is_module_path(std::string_view path);

/// The kernel release in a module's path: "/lib/modules/<release>/…"; empty when there is none.
std::string kernel_of_path(std::string_view path);

/// Returns the data in the ELF file `bytes` (an uncompressed module): modinfo, and the symbols that it imports
/// (__versions) and exports (__crc_…), with their CRCs. Throws Error{untrusted} when it is not a 64-bit ELF object.
guest::ModuleFacts read_module(std::string_view bytes, const std::string& path);

}  // namespace bake::guest
