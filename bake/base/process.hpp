#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace bake {

/// The result of a program that has ended.
struct ProgramResult {
  int status = 0;  ///< exit status; 128 + n when signal n ended it
  std::string out;
  std::string err;
};

/// Runs `arguments` (first: the program, looked up on PATH) without a shell, standard input closed, and waits. Throws
/// Error{environment} with an installation hint when the program is missing.
ProgramResult run_program(const std::vector<std::string>& arguments);

/// Like run_program(), but ends the program and its children with SIGKILL after `limit`; then returns nothing. Does not
/// wait for a process that the kernel does not end either. Throws Error{interrupted} after a signal.
std::optional<ProgramResult> run_program_for(const std::vector<std::string>& arguments,
                                             std::chrono::milliseconds limit);

/// Returns the full path of `program` on PATH, or nothing when it is missing.
std::optional<std::string> find_program(const std::string& program);

}  // namespace bake
