#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/cli/context.hpp"

namespace bake::cli {

/// Returns " --store DIR", or nothing when this run uses the default store.
std::string store_option(const Context& context);

/// Returns each remedy as a command line for a shell: "bake bundle add X.tgz --store DIR". It has the option --store
/// only when this run does not use the default store.
std::vector<std::string> command_lines(const Context& context, const std::vector<Remedy>& remedies);

/// Returns {where, message, hint, commands}.
nlohmann::ordered_json to_json(const Context& context, const Problem& problem);

/// Returns " (hint; run: command)", or nothing when the problem has neither.
std::string advice(const Context& context, const Problem& problem);

/// A command line in the middle of a sentence: in quotes, unless one of its arguments is quoted.
std::string quote_command(std::string_view command);

}  // namespace bake::cli
