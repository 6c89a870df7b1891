#include "bake/cli/usage.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <sstream>

#include "bake/base/text.hpp"

namespace bake::cli {

const char* const usage_hint = "'bake --help' and 'bake COMMAND --help' list commands and options";

namespace {

class HelpFormat final : public CLI::Formatter {
 public:
  [[nodiscard]] std::string make_option(const CLI::Option* option, bool is_positional) const override {
    std::ostringstream out;
    CLI::detail::format_help(out,
                             make_option_name(option, is_positional) + (is_positional ? "" : make_option_opts(option)),
                             make_option_desc(option), column_width_);
    return out.str();
  }
  [[nodiscard]] std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    return replace_all(CLI::Formatter::make_option_name(option, is_positional), "{false}", "");
  }
  [[nodiscard]] std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0) return {};
    std::string text = " " + value_name(*option);
    if (option->get_expected_max() == CLI::detail::expected_max_vector_size) text += " ...";
    return text;
  }
  [[nodiscard]] std::string make_option_desc(const CLI::Option* option) const override {
    auto text = option->get_description();
    if (!option->get_default_str().empty()) text += fmt::format(" (default: {})", option->get_default_str());
    if (const auto accepted = accepted_by(*option); !accepted.empty()) text += fmt::format(" ({})", accepted);
    if (option->get_required() && option->nonpositional()) text += " (required)";
    for (const auto* other : option->get_needs()) text += fmt::format(" (only with {})", other->get_name());
    // An exclusion works in both directions; the help shows it only for the option with few of them.
    std::vector<std::string> excluded;
    for (const auto* other : option->get_excludes()) excluded.push_back(other->get_name());
    std::sort(excluded.begin(), excluded.end());  // CLI11 orders them by address
    if (!excluded.empty() && excluded.size() <= max_excluded)
      text += fmt::format(" (not with {})", join(excluded, " or "));
    return text;
  }

 private:
  static constexpr std::size_t max_excluded = 2;

  /// Returns the allowed values when the name of the value does not show them: the words of a positional, the range of
  /// a number.
  static std::string accepted_by(const CLI::Option& option) {
    const auto type = option.get_type_name();
    if (const auto words = allowed_values(option); option.get_positional() && !words.empty()) return join(words, "|");
    static constexpr std::string_view range = " in [";
    const auto start = type.find(range);
    if (start == std::string::npos || !type.ends_with("]")) return {};
    return replace_all(type.substr(start + range.size(), type.size() - start - range.size() - 1), " - ", " to ");
  }
};

using Path = CommandPath;

std::vector<std::string> option_names(const Path& path) {
  std::vector<std::string> names;
  for (auto command = path.rbegin(); command != path.rend(); ++command)
    for (const auto* option : (*command)->get_options())
      if (!is_hidden(*option))
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

Error no_such_option(const Path& path, const std::string& name) {
  std::vector<std::string> words;
  for (const auto* command : path) words.push_back(command->get_name());
  const auto near = did_you_mean(name, option_names(path));
  return {ErrorKind::usage, fmt::format("'{}' has no option '{}'", join(words, " "), name),
          near.empty() ? usage_hint : near};
}

Error no_such_command(const std::string& word, const std::vector<std::string>& names) {
  const auto near = did_you_mean(word, names);
  return {ErrorKind::usage, fmt::format("there is no command '{}'", word),
          near.empty() ? (names.size() == 1 ? "there is only " : "there are ") + join(names, ", ") : near};
}

bool takes_words(const CLI::App& command) {
  return !command.get_options([](const CLI::Option* option) { return option->get_positional(); }).empty();
}

/// Appends the command with the name `word` to the path. When a command takes both files and commands, a word that
/// resembles no command is a file.
std::optional<Error> descend(Path& path, const std::string& word) {
  const auto commands = path.back()->get_subcommands([](const CLI::App*) { return true; });
  std::vector<std::string> names;
  for (const auto* command : commands) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
    if (command->get_name() != word) continue;
    path.push_back(command);
    return std::nullopt;
  }
  if (names.empty() || (takes_words(*path.back()) && !closest(word, names))) return std::nullopt;
  return no_such_command(word, names);
}

/// Returns whether the word after these short options ("-q", "-qv", "-oFILE") is a value; nullopt when the command has
/// no such option.
std::optional<bool> wants_value(const Path& path, const std::string& word) {
  for (std::size_t i = 1; i < word.size(); ++i) {
    const auto* option = option_of(path, std::string("-") + word[i]);
    if (option == nullptr) return std::nullopt;
    if (option->get_expected_max() > 0) return i + 1 == word.size();
  }
  return false;
}

/// Returns the same for a long option, with or without "=VALUE".
std::optional<bool> wants_long_value(const Path& path, const std::string& word) {
  const auto name = word.substr(0, word.find('='));
  const auto* option = option_of(path, name);
  if (option == nullptr) return std::nullopt;
  return option->get_expected_max() > 0 && name == word;
}

}  // namespace

const CLI::Option* option_of(const CommandPath& path, const std::string& name) {
  for (const auto* command : path)
    if (const auto* option = command->get_option_no_throw(name)) return option;
  return nullptr;
}

bool is_hidden(const CLI::Option& option) { return option.get_group().empty(); }

std::vector<std::string> allowed_values(const CLI::Option& option) {
  const auto type = option.get_type_name();
  const auto set = type.find(":{");
  if (set == std::string::npos || !type.ends_with("}")) return {};
  return split(type.substr(set + 2, type.size() - set - 3), ',');
}

std::string value_name(const CLI::Option& option) {
  const auto type = option.get_type_name();
  const auto colon = type.find(':');
  auto value = colon == std::string::npos ? type : type.substr(colon + 1);
  if (value.starts_with("{") && value.ends_with("}")) return replace_all(value.substr(1, value.size() - 2), ",", "|");
  return value.starts_with("UINT") ? "NUMBER" : value;
}

std::string description_of(const CLI::Option& option) { return HelpFormat().make_option_desc(&option); }

std::optional<bool> value_follows(const CommandPath& path, const std::string& word) {
  return word.starts_with("--") ? wants_long_value(path, word) : wants_value(path, word);
}

void set_help_format(CLI::App& app) {
  app.formatter(std::make_shared<HelpFormat>());
  app.footer("Global options: --json --progress -q -v --log --trace --store --matrix (see 'bake --help')");
}

std::optional<Error> mistyped(const CLI::App& app, const std::vector<std::string>& arguments) {
  Path path{&app};
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const auto& word = arguments[i];
    if (!word.starts_with("-") || word == "-") {
      if (auto error = descend(path, word)) return error;
      continue;
    }
    const auto has_value = value_follows(path, word);
    if (!has_value) return no_such_option(path, word.substr(0, word.find('=')));
    if (*has_value) ++i;
  }
  return std::nullopt;
}

}  // namespace bake::cli
