#pragma once

#include <map>
#include <string>
#include <string_view>

namespace bake::guest {

using GrubVariables = std::map<std::string, std::string>;

/// The variables of a GRUB environment block (grub-core/lib/envblk.c). Without its signature line GRUB takes nothing
/// from it; this reader does the same.
GrubVariables parse_grubenv(std::string_view text);

}  // namespace bake::guest
