#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::apply {

/// Runs `script` in the guest and returns its output. Throws Error{failed} "<doing>: exit status N: <last lines>".
std::string run(guest::Guest& guest, std::string_view doing, const std::string& script);

/// Returns the last `count` non-empty lines of `output`, joined with " | ", for an error message.
std::string last_lines(std::string_view output, std::size_t count = 6);

/// Returns `words`, quoted for the shell and separated by blanks.
std::string quoted(const std::vector<std::string>& words);

}  // namespace bake::apply
