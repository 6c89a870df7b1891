#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "bake/base/error.hpp"

namespace bake::guest {

/// Why an initramfs cannot be edited, although it may be a good one. The guest's own tool can build another one.
class CannotEdit : public Error {
 public:
  using Error::Error;
};

/// What edit_initramfs() changes.
struct InitramfsEdit {
  std::string release;                         ///< of the kernel
  std::set<std::string> modules;               ///< names of the modules to leave out
  std::map<std::string, std::string> added;    ///< path below lib/modules/RELEASE → content, for each module to add
  std::map<std::string, std::string> indexes;  ///< "modules.dep" → its new content, for each index of depmod
  bool allow_gzip = false;  ///< whether the kernel reads gzip; it replaces a compression that bake does not write
};

/// Writes to `output` the initramfs `bytes` (as in read_initramfs()) with the changes of `edit`. Every other file keeps
/// its bytes, its place and its inode number, and the archives keep their order. What is added goes to the end of the
/// archive that has modules.dep. The last archive keeps gzip and zstd; bake writes no other compression that a kernel
/// reads: libarchive has no check that the kernel's xz reader accepts, and no legacy lz4. Throws CannotEdit when a file
/// to change has hard links or a checksum, when no archive has modules.dep, or when the kernel does not read gzip;
/// Error{verification} for damaged content. `name` is for messages.
void edit_initramfs(std::string_view bytes, const InitramfsEdit& edit, const std::filesystem::path& output,
                    const std::string& name);

}  // namespace bake::guest
