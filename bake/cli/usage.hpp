#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bake/base/error.hpp"

namespace CLI {
class App;
}

namespace bake::cli {

/// How every command's help looks: what the parser knows of an option, in words, and the global options at the end.
/// Called before commands are added, which take it over.
void set_help_format(CLI::App& app);

/// The first word of a command line that `app` refused which looks like a command or an option and is none, as an
/// Error{usage} that names the closest one. Nothing when the words are all known and something else is wrong.
std::optional<Error> mistyped(const CLI::App& app, const std::vector<std::string>& arguments);

extern const char* const usage_hint;

}  // namespace bake::cli
