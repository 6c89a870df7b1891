#pragma once

#include <string>

#include "bake/guest/guest.hpp"

namespace bake::apply {

/// True when `path` carries an SELinux label. The kernel of the appliance has no SELinux; the label is a plain
/// attribute.
bool is_labelled(guest::Guest& guest, const std::string& path);

}  // namespace bake::apply
