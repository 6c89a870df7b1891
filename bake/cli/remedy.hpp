#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/cli/context.hpp"

namespace bake::cli {

/// Each remedy as a command line that works in a shell as it is: "bake bundle add X.tgz --store DIR". The option
/// --store is there only when this run uses another store than the default.
std::vector<std::string> command_lines(const Context& context, const std::vector<Remedy>& remedies);

/// A command line in the middle of a sentence: in quotes, unless one of its arguments is quoted.
std::string quote_command(std::string_view command);

}  // namespace bake::cli
