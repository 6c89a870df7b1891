#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bake/base/error.hpp"

namespace CLI {
class App;
}

namespace bake::cli {

/// Sets the format of the help of all commands: the constraints of each option in words, and the global options at the
/// end. Call it before adding commands, because they inherit it.
void set_help_format(CLI::App& app);

/// Returns an Error{usage} for the first unknown command or option in a refused command line. It names the closest
/// known one. Returns nullopt when all commands and options are known.
std::optional<Error> mistyped(const CLI::App& app, const std::vector<std::string>& arguments);

extern const char* const usage_hint;

}  // namespace bake::cli
