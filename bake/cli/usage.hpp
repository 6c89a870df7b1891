#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bake/base/error.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace bake::cli {

/// Sets the format of the help of all commands: the constraints of each option in words, and the global options at the
/// end. Call it before adding commands, because they inherit it.
void set_help_format(CLI::App& app);

/// Returns an Error{usage} for the first unknown command or option in a refused command line. It names the closest
/// known one. Returns nullopt when all commands and options are known.
std::optional<Error> mistyped(const CLI::App& app, const std::vector<std::string>& arguments);

/// The program, its command, and the subcommand.
using CommandPath = std::vector<const CLI::App*>;

/// Returns the option with this name ("-o", "--output") of the last command, or of one before it; nullptr if no command
/// has it.
const CLI::Option* option_of(const CommandPath& path, const std::string& name);

/// Returns whether help, suggestions and completion leave out the option.
bool is_hidden(const CLI::Option& option);

/// Returns whether the word after `word`, an option or several short ones, is its value; nullopt if the commands have
/// no such option.
std::optional<bool> value_follows(const CommandPath& path, const std::string& word);

/// Returns the only values that the option accepts; empty if it accepts others.
std::vector<std::string> allowed_values(const CLI::Option& option);

/// Returns the name of the option's value for a person; CLI11 has "TEXT:{auto,tty}", "TEXT:FILE", "UINT:UINT in [1 -
/// 10]".
std::string value_name(const CLI::Option& option);

/// Returns what the help says about the option, with its constraints in words.
std::string description_of(const CLI::Option& option);

extern const char* const usage_hint;

}  // namespace bake::cli
