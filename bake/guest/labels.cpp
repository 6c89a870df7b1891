#include "bake/guest/labels.hpp"

#include <fmt/format.h>
#include <map>
#include <set>

#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"
#include "bake/guest/shell.hpp"

namespace bake::guest {
namespace {

constexpr std::size_t max_files = 20;

/// Returns a script that prints the names of `files`; some may not exist.
std::string list_script(const LabelledFiles& files) {
  std::string sources = fmt::format("printf '%s\\n' {}", quoted(files.paths));
  if (!files.packages.empty())
    sources +=
        fmt::format("\n{} {}", files.family == Family::rpm ? "rpm -ql" : "dpkg-query -L", quoted(files.packages));
  if (!files.kernel.empty())
    sources += fmt::format(
        "\nfind /lib/modules/{0}/ -maxdepth 1 -name 'modules.*'"
        "\nfor tree in extra updates weak-updates; do find /lib/modules/{0}/$tree; done",
        shell_quote(files.kernel));
  return fmt::format("{{\n{}\n}} 2>/dev/null | sort -u\n", sources);
}

/// Returns directory → its real path; without those that do not exist.
std::map<std::string, std::string> real_directories(Guest& guest, const std::set<std::string>& directories) {
  const std::vector<std::string> asked(directories.begin(), directories.end());
  const auto result =
      guest.shell(fmt::format("for directory in {}; do\n"
                              "  if cd -P \"$directory/\" 2>/dev/null; then printf '%s\\0' \"$PWD\"\n"
                              "  else printf '\\0'; fi\n"
                              "done\n",
                              quoted(asked)));
  const auto answers = split(result.output, '\0');
  std::map<std::string, std::string> real;
  for (std::size_t i = 0; i < asked.size() && i < answers.size(); ++i)
    if (answers[i].starts_with('/')) real[asked[i]] = answers[i];
  return real;
}

/// "system_u:object_r:bin_t:s0" → "bin_t"
std::string type_of(const std::string& context) {
  const auto fields = split(context, ':');
  return fields.size() > 2 ? fields[2] : context;
}

/// The parts of a line in which setfiles says that it would change a label.
struct Change {
  std::string path, before, after;
};

/// Returns the change in `line` between `begin` and the end: PATH `middle` BEFORE `arrow` AFTER.
Change change_in(const std::string& line, std::size_t begin, std::string_view middle, std::string_view arrow) {
  const auto to = line.rfind(arrow);
  const auto from = to == std::string::npos ? to : line.rfind(middle, to);
  if (from == std::string::npos || from < begin) return {};
  const auto before = from + middle.size();
  if (before > to) return {};
  return {line.substr(begin, from - begin), line.substr(before, to - before), line.substr(to + arrow.size())};
}

}  // namespace

std::string wrong_label_in(const std::string& line) {
  // policycoreutils 2.5 (EL7), setfiles/restore.c: "setfiles reset PATH context OLD->NEW", without OLD for a file
  // without a label. Since 2.6, libselinux/src/selinux_restorecon.c: "Would relabel PATH from OLD to NEW", with (null)
  // or <no context> for such a file.
  static constexpr std::string_view would = "Would relabel ", reset = " reset /";
  Change change;
  if (line.starts_with(would))
    change = change_in(line, would.size(), " from ", " to ");
  else if (const auto at = line.find(reset); at != std::string::npos)
    change = change_in(line, at + reset.size() - 1, " context ", "->");
  if (!is_label(change.before)) return {};
  return fmt::format("{} ({} instead of {})", change.path, type_of(change.before), type_of(change.after));
}

std::vector<std::string> paths_of(Guest& guest, const LabelledFiles& files) {
  const auto listed = guest.shell(list_script(files)).output;
  std::set<std::string> directories;
  for (const auto line : each_line(listed))
    if (line.starts_with('/')) directories.insert(parent_of(line));
  const auto real = real_directories(guest, directories);
  std::set<std::string> paths;
  for (const auto line : each_line(listed))
    if (const auto found = real.find(parent_of(line)); line.starts_with('/') && found != real.end())
      if (auto path = join_path(found->second, base_name_of(line)); is_stored(path)) paths.insert(std::move(path));
  return {paths.begin(), paths.end()};
}

bool is_label(const std::string& context) {
  const auto type = type_of(context);
  return context.find(':') != std::string::npos && type != "unlabeled_t" && type != "file_t";
}

std::vector<std::string> unlabelled_files(Guest& guest, const std::vector<std::string>& paths) {
  const auto result =
      guest.shell(fmt::format("seen=$(printf '%s\\n' {} | xargs -r -d '\\n' ls -dZ 2>/dev/null)\n"
                              "echo \"labelled $(echo \"$seen\" | grep -c ':object_r:')\"\n"
                              "echo \"$seen\" | sed -r 's/:object_r:(unlabeled_t|file_t)(:|[[:space:]]|$)/ /' |\n"
                              "  grep -v ':object_r:' | head -n {}\n:\n",
                              quoted(paths), max_files));
  std::vector<std::string> unlabelled;
  constexpr std::size_t max_said = std::size_t{128} << 10U;
  const auto lines = split_lines(std::string_view(result.output).substr(0, max_said));
  if (lines.empty() || !lines.front().starts_with("labelled ") || lines.front() == "labelled 0")
    return {"any file (no label can be read)"};
  for (const auto& line : lines)
    if (const auto at = line.find('/'); at != std::string::npos) unlabelled.push_back(line.substr(at));
  return unlabelled;
}

std::string print_without_directories(const std::vector<std::string>& paths) {
  return fmt::format(
      "printf '%s\\n' {} | xargs -r -d '\\n' sh -c 'find \"$@\" -maxdepth 0 ! -type d 2>/dev/null; :' sh",
      quoted(paths));
}

WrongLabels wrong_labels(Guest& guest, const std::vector<std::string>& paths, const std::string& file_contexts) {
  // -s reads names, also in EL7 (policycoreutils 2.5, setfiles/setfiles.c), and unlike -f does not build a table of
  // inodes for each name. Without -F it accepts customized types.
  const auto result =
      guest.shell(find_mount_option + fmt::format("{} | setfiles -s -n -v $mount_option {} 2>&1\n",
                                                  print_without_directories(paths), shell_quote(file_contexts)));
  WrongLabels wrong;
  for (const auto line : each_line(result.output))
    if (auto file = wrong_label_in(std::string(line)); !file.empty() && wrong.files.size() < max_files)
      wrong.files.push_back(std::move(file));
  if (!result.ok())
    wrong.trouble = fmt::format("setfiles: exit status {}: {}", result.status, last_lines(result.output));
  return wrong;
}

}  // namespace bake::guest
