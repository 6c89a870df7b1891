#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace bake::cli {

/// What may come at the place of the cursor.
struct Completion {
  struct Word {
    std::string text;
    std::string help;

    friend bool operator==(const Word&, const Word&) = default;
  };
  std::vector<Word> words;
  bool files = false;  ///< also names of files
};

/// Returns the values of an argument that are not in the definitions: `command` is "bundle show", `argument` the name
/// of a positional or "--vm-size". Empty: names of files.
using ValuesOf = std::function<std::optional<std::vector<Completion::Word>>(const std::string& command,
                                                                            const std::string& argument)>;

/// Joins what bash has split: "--progress", "=", "tty". Returns whether the last word was such a value.
bool join_at_equals(std::vector<std::string>& words);

/// Completes the last of `words`, the words after the program's name. bash makes three words of "--progress=tty".
Completion complete(const CLI::App& app, std::vector<std::string> words, const ValuesOf& values_of);

/// Returns the script that makes a shell ("bash", "zsh", "fish") call `bake complete`.
std::string completion_script(const std::string& shell);

}  // namespace bake::cli
