#pragma once

#include <string>
#include <string_view>

#include "bake/guest/guest.hpp"

namespace bake::apply {

// A base is hostile input: where bake writes, it may have a symbolic link to a file that must not change.

/// Writes a file that belongs to bake. Replaces a file or link of that name, so that the file is root's and nothing is
/// written through a link.
void write_own_file(guest::Guest& guest, const std::string& path, std::string_view content, unsigned mode = 0644);

/// Replaces the content of a configuration file of the guest, which keeps its owner and mode. `path` may be missing, a
/// regular file, or a link that guest::find_config_link() allows. Throws Error{incompatible} for another link; the plan
/// refuses one that is in the base, so this is for links that packages bring.
void write_config_file(guest::Guest& guest, const std::string& path, std::string_view content);

}  // namespace bake::apply
