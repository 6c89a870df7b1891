#pragma once

#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/cli/context.hpp"

namespace bake::cli {

/// Each remedy as a command line that works in a shell as it is: "bake bundle add X.tgz --store DIR". The option
/// --store is there only when this run uses another store than the default.
std::vector<std::string> command_lines(const Context& context, const std::vector<Remedy>& remedies);

}  // namespace bake::cli
