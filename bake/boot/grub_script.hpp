#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bake::guest {

/// What GRUB would do cannot be told from the files of the disk; the text says why, for people.
class Undetermined : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A piece of a word of GRUB's script. The value of an unquoted variable is split at blanks, that of a quoted one not.
struct ScriptPart {
  enum class Kind { text, quoted, variable, quoted_variable };
  Kind kind = Kind::text;
  std::string text;  ///< the name, for a variable
};

using ScriptWord = std::vector<ScriptPart>;

struct ScriptCommand;
using ScriptBlock = std::vector<ScriptCommand>;

/// One command of GRUB's script.
struct ScriptCommand {
  enum class Kind { simple, conditional, for_loop, while_loop, until_loop, function };
  Kind kind = Kind::simple;
  std::vector<ScriptWord> words;  ///< of a simple command; the values of a for loop
  std::string name;               ///< of a function; the variable of a for loop
  /// Condition and commands of every branch; "else" has no condition. A loop has one branch, a for loop and a function
  /// one without a condition.
  std::vector<std::pair<ScriptBlock, ScriptBlock>> branches;
  bool has_else = false;  ///< the last branch is "else"
  /// The commands in braces after menuentry or submenu, or of a function.
  std::shared_ptr<const ScriptBlock> body;
};

struct GrubScript {
  ScriptBlock commands;  ///< as far as the text can be read
  std::string error;     ///< "line 12: …" where it cannot; empty when all of it can
};

/// A configuration file larger than this is not read, bytes.
inline constexpr std::size_t grub_file_limit = std::size_t{1} << 20U;

/// Reads a script by the grammar of GRUB (grub-core/script/yylex.l and parser.y). Constructs nested deeper than 64, and
/// more than 100,000 words, are an error.
GrubScript parse_grub_script(std::string_view text);

/// The text of a configuration file as GRUB takes it line by line: without carriage returns and without the lines that
/// begin with '#' (read_config_file_getline in grub-core/normal/main.c). Line numbers stay.
std::string grub_file_lines(std::string_view text);

}  // namespace bake::guest
