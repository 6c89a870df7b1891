#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bake {

/// What a finished program left behind.
struct ProgramResult {
  int status = 0;  ///< exit status; 128 + n when signal n ended it
  std::string out;
  std::string err;
};

/// Runs `arguments` (first: the program, looked up on PATH) without a shell, standard input closed, and waits.
/// Throws Error{environment} with an installation hint when the program is not there.
ProgramResult run_program(const std::vector<std::string>& arguments);

/// The full path of `program` on PATH, if it is there.
std::optional<std::string> find_program(const std::string& program);

}  // namespace bake
