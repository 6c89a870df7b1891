#include "bake/guest/shell.hpp"

#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::guest {

namespace {

/// Adds `doing` to the error of a script that did not start or did not end.
ShellResult shell(Guest& guest, std::string_view doing, const std::string& script) {
  try {
    return guest.shell(script);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    throw Error(error.kind(), fmt::format("{}: {}", doing, error.message()), error.hint(), error.remedies());
  }
}

}  // namespace

std::string run(Guest& guest, std::string_view doing, const std::string& script) {
  auto result = shell(guest, doing, script);
  if (!result.ok())
    throw Error(ErrorKind::failed,
                fmt::format("{}: exit status {}: {}", doing, result.status, last_lines(result.output)),
                "-v shows the whole output, --log FILE keeps it");
  return std::move(result.output);
}

std::string quoted(const std::vector<std::string>& words) {
  std::vector<std::string> safe;
  safe.reserve(words.size());
  for (const auto& word : words) safe.push_back(shell_quote(word));
  return join(safe, " ");
}

}  // namespace bake::guest
