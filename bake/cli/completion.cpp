#include "bake/cli/completion.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "bake/base/text.hpp"
#include "bake/cli/usage.hpp"

namespace bake::cli {
namespace {

using Word = Completion::Word;

/// The command line before the cursor.
struct Place {
  CommandPath path;
  std::size_t positionals = 0;            ///< of the last command, before the cursor
  const CLI::Option* value_of = nullptr;  ///< the word at the cursor is its value
  bool only_words = false;                ///< after "--"
};

std::string command_name(const CommandPath& path) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i < path.size(); ++i) names.push_back(path[i]->get_name());
  return join(names, " ");
}

const CLI::App* subcommand_of(const CLI::App& command, const std::string& name) {
  for (const auto* found : command.get_subcommands([](const CLI::App*) { return true; }))
    if (found->get_name() == name) return found;
  return nullptr;
}

Place place_of(const CLI::App& app, const std::vector<std::string>& words) {
  Place place{{&app}};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const auto& word = words[i];
    if (place.only_words || !word.starts_with("-") || word == "-") {
      const auto* next = place.positionals == 0 ? subcommand_of(*place.path.back(), word) : nullptr;
      if (next != nullptr)
        place.path.push_back(next);
      else
        ++place.positionals;
    } else if (word == "--") {
      place.only_words = true;
    } else if (value_follows(place.path, word).value_or(false)) {
      if (i + 2 == words.size())
        place.value_of = option_of(place.path, word.starts_with("--") ? word : std::string("-") + word.back());
      ++i;
    }
  }
  return place;
}

void add_if(const std::string& beginning, const Word& word, Completion& completion) {
  if (to_lower(word.text).starts_with(to_lower(beginning))) completion.words.push_back(word);
}

void add_values(const CLI::Option& option, const std::string& name, const Place& place, const std::string& beginning,
                const ValuesOf& values_of, Completion& completion) {
  if (const auto allowed = allowed_values(option); !allowed.empty()) {
    for (const auto& value : allowed) add_if(beginning, {value, ""}, completion);
    return;
  }
  if (const auto values = values_of(command_name(place.path), name)) {
    for (const auto& value : *values) add_if(beginning, value, completion);
    return;
  }
  completion.files = value_name(option) != "NUMBER" && value_name(option) != "INT";
}

void add_options(const CommandPath& path, const std::string& beginning, Completion& completion) {
  for (auto command = path.rbegin(); command != path.rend(); ++command)
    for (const auto* option : (*command)->get_options()) {
      if (is_hidden(*option) || (command != path.rbegin() && option == (*command)->get_help_ptr())) continue;
      for (const auto& name : option->get_lnames())
        add_if(beginning, {"--" + name, option->get_description()}, completion);
      if (!beginning.starts_with("--"))
        for (const auto& name : option->get_snames())
          add_if(beginning, {"-" + name, option->get_description()}, completion);
    }
}

void add_positional(const Place& place, const std::string& beginning, const ValuesOf& values_of,
                    Completion& completion) {
  const auto& command = *place.path.back();
  const auto positionals = command.get_options([](const CLI::Option* option) { return option->get_positional(); });
  if (positionals.empty()) return;
  const auto index = std::min(place.positionals, positionals.size() - 1);
  const auto& option = *positionals[index];
  const bool repeats = option.get_expected_max() >= CLI::detail::expected_max_vector_size;
  if (place.positionals >= positionals.size() && !repeats) return;
  add_values(option, option.get_name(true), place, beginning, values_of, completion);
}

}  // namespace

bool join_at_equals(std::vector<std::string>& words) {
  bool last = false;
  for (std::size_t i = 1; i < words.size(); ++i) {
    last = false;
    if (words[i] != "=" || !words[i - 1].starts_with("--")) continue;
    words[i - 1] += "=";
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
    if (i < words.size()) {
      words[i - 1] += words[i];
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
    }
    last = true;
    --i;
  }
  return last;
}

Completion complete(const CLI::App& app, std::vector<std::string> words, const ValuesOf& values_of) {
  const bool split_by_shell = join_at_equals(words);
  if (words.empty()) words.emplace_back();
  const auto place = place_of(app, words);
  const auto& word = words.back();
  Completion completion;
  if (place.value_of != nullptr) {
    add_values(*place.value_of, "--" + place.value_of->get_lnames().front(), place, word, values_of, completion);
  } else if (const auto equals = word.find('=');
             !place.only_words && word.starts_with("--") && equals != std::string::npos) {
    const auto name = word.substr(0, equals);
    const auto* option = option_of(place.path, name);
    if (option == nullptr) return completion;
    add_values(*option, name, place, word.substr(equals + 1), values_of, completion);
    if (!split_by_shell)
      for (auto& value : completion.words) value.text.insert(0, name + "=");
  } else if (!place.only_words && word.starts_with("-")) {
    add_options(place.path, word, completion);
  } else {
    if (place.positionals == 0)
      for (const auto* command : place.path.back()->get_subcommands([](const CLI::App*) { return true; }))
        if (!command->get_group().empty()) add_if(word, {command->get_name(), command->get_description()}, completion);
    add_positional(place, word, values_of, completion);
  }
  return completion;
}

std::string completion_script(const std::string& shell) {
  if (shell == "bash")
    return R"(# Completion of bake for bash.
_bake() {
  local line cur=${COMP_WORDS[COMP_CWORD]}
  [ "$cur" = = ] && cur=
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = :files ]; then
      compopt -o filenames
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
    else
      COMPREPLY+=("${line%%$'\t'*}")
    fi
  done < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _bake bake
)";
  if (shell == "zsh")
    return R"(#compdef bake
# Completion of bake for zsh.
_bake() {
  local line files=
  local -a candidates
  for line in "${(@f)$("${words[1]}" complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      files=1
    elif [[ -n $line ]]; then
      candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done
  (( $#candidates )) && _describe -t values bake candidates
  [[ -n $files ]] && _files
}
if [[ $funcstack[1] == _bake ]]; then
  _bake "$@"
else
  compdef _bake bake
fi
)";
  return R"(# Completion of bake for fish.
function __bake_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for line in ($before[1] complete -- $before[2..-1] $current 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path $current
        else
            echo $line
        end
    end
end
complete --command bake --no-files --keep-order --arguments '(__bake_complete)'
)";
}

}  // namespace bake::cli
