#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/cli/context.hpp"

namespace bake::cli {

/// Returns each remedy as a command line for a shell: "bake bundle add X.tgz --store DIR". It has the option --store
/// only when this run does not use the default store.
std::vector<std::string> command_lines(const Context& context, const std::vector<Remedy>& remedies);

/// A command line in the middle of a sentence: in quotes, unless one of its arguments is quoted.
std::string quote_command(std::string_view command);

}  // namespace bake::cli
