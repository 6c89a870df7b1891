#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bake::store {

/// Returns the SHA-256 that a checksum file states for an archive with one of `names`, as lower-case hexadecimal
/// digits. The file has the format of sha256sum: "<digest>  <name>" or "<digest> *<name>" on each line, or "SHA256
/// (<name>) = <digest>" (GNU coreutils manual, md5sum invocation). Directories in front of a name do not count. A file
/// that consists of one digest without a name is about the archive. Throws Error{usage} when no line has the name, or
/// lines with different digests have it.
std::string digest_in_checksum_file(const std::filesystem::path& file, const std::vector<std::string>& names);

}  // namespace bake::store
