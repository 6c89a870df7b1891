#include "bake/guest/labels.hpp"

#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/guest/shell.hpp"

namespace bake::guest {

std::vector<std::string> unlabelled_files(Guest& guest, Family family, const std::vector<std::string>& packages,
                                          const std::vector<std::string>& paths) {
  const auto list = packages.empty()
                        ? std::string(":")
                        : fmt::format("{} {}", family == Family::rpm ? "rpm -ql" : "dpkg-query -L", quoted(packages));
  const auto result = guest.shell(
      fmt::format("seen=$({{ {} 2>/dev/null; printf '%s\\n' {}; }} | sort -u | xargs -r -d '\\n' ls -dZ 2>/dev/null)\n"
                  "echo \"labelled $(echo \"$seen\" | grep -c ':object_r:')\"\n"
                  "echo \"$seen\" | grep -v ':object_r:' | head -n 20\n:\n",
                  list, quoted(paths)));
  std::vector<std::string> files;
  constexpr std::size_t max_said = std::size_t{128} << 10U;
  const auto lines = split_lines(std::string_view(result.output).substr(0, max_said));
  if (lines.empty() || !lines.front().starts_with("labelled ") || lines.front() == "labelled 0")
    return {"any file (no label can be read)"};
  for (const auto& line : lines)
    if (const auto at = line.find('/'); at != std::string::npos) files.push_back(line.substr(at));
  return files;
}

}  // namespace bake::guest
