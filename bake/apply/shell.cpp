#include "bake/apply/shell.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::apply {

std::string last_lines(std::string_view output, std::size_t count) {
  constexpr std::size_t max_tail = std::size_t{64} << 10U;
  if (output.size() > max_tail) output.remove_prefix(output.size() - max_tail);
  auto lines = split_lines(output);
  std::erase_if(lines, [](const std::string& line) { return trim(line).empty(); });
  if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
  return join(lines, " | ");
}

std::string run(guest::Guest& guest, std::string_view doing, const std::string& script) {
  auto result = guest.shell(script);
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

}  // namespace bake::apply
