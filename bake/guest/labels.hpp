#pragma once

#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// Returns those files that have no SELinux label, at most 20: of the files of `packages` and of `paths`. Files that do
/// not exist are left out. When no label can be read at all, one entry says so. The kernel of the appliance has no
/// SELinux, so the label is a plain extended attribute.
std::vector<std::string> unlabelled_files(Guest& guest, Family family, const std::vector<std::string>& packages,
                                          const std::vector<std::string>& paths);

}  // namespace bake::guest
