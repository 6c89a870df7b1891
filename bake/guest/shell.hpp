#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::guest {

/// Runs `script` in the guest and returns its output. Throws Error{failed} "<doing>: exit status N: <last lines>", or
/// "<doing>: running a script in the guest: …" when it did not end within its time limit.
std::string run(Guest& guest, std::string_view doing, const std::string& script);

/// Returns `words`, quoted for the shell and separated by blanks.
std::string quoted(const std::vector<std::string>& words);

}  // namespace bake::guest
