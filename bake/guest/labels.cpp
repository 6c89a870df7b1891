#include "bake/guest/labels.hpp"

#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/guest/shell.hpp"

namespace bake::guest {
namespace {

constexpr std::size_t max_files = 20;

/// Returns the definition of the shell function list_files, which prints the names of `files`, one a line. Each name
/// has the real path of its directory, because the policy has no entries for the paths below a link (/lib,
/// /etc/init.d).
std::string list_function(const LabelledFiles& files) {
  std::string sources = fmt::format("printf '%s\\n' {}", quoted(files.paths));
  if (!files.packages.empty())
    sources +=
        fmt::format("; {} {}", files.family == Family::rpm ? "rpm -ql" : "dpkg-query -L", quoted(files.packages));
  if (!files.kernel.empty())
    sources += fmt::format(
        "; find /lib/modules/{0}/ -maxdepth 1 -name 'modules.*'"
        "; for tree in extra updates weak-updates; do find /lib/modules/{0}/$tree; done",
        shell_quote(files.kernel));
  return fmt::format(
      "list_files() {{\n"
      "  {{ {}; }} 2>/dev/null | sort -u | {{\n"
      "    last=none\n"
      "    while IFS= read -r path; do\n"
      "      case $path in /*) ;; *) continue ;; esac\n"
      "      directory=${{path%/*}}\n"
      "      [ \"$directory\" = \"$last\" ] || cd -P \"$directory/\" 2>/dev/null || continue\n"
      "      last=$directory\n"
      "      case $PWD/ in /proc/*|/sys/*|/dev/*|/run/*) continue ;; esac\n"
      "      printf '%s\\n' \"${{PWD%/}}/${{path##*/}}\"\n"
      "    done\n"
      "  }} | sort -u\n"
      "}}\n",
      sources);
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
  const auto type = type_of(change.before);
  if (change.before.find(':') == std::string::npos || type == "unlabeled_t" || type == "file_t") return {};
  return fmt::format("{} ({} instead of {})", change.path, type, type_of(change.after));
}

std::vector<std::string> unlabelled_files(Guest& guest, const LabelledFiles& files) {
  const auto result =
      guest.shell(list_function(files) +
                  fmt::format("seen=$(list_files | xargs -r -d '\\n' ls -dZ 2>/dev/null)\n"
                              "echo \"labelled $(echo \"$seen\" | grep -c ':object_r:')\"\n"
                              "echo \"$seen\" | sed -r 's/:object_r:(unlabeled_t|file_t)(:|[[:space:]]|$)/ /' |\n"
                              "  grep -v ':object_r:' | head -n {}\n:\n",
                              max_files));
  std::vector<std::string> unlabelled;
  constexpr std::size_t max_said = std::size_t{128} << 10U;
  const auto lines = split_lines(std::string_view(result.output).substr(0, max_said));
  if (lines.empty() || !lines.front().starts_with("labelled ") || lines.front() == "labelled 0")
    return {"any file (no label can be read)"};
  for (const auto& line : lines)
    if (const auto at = line.find('/'); at != std::string::npos) unlabelled.push_back(line.substr(at));
  return unlabelled;
}

WrongLabels wrong_labels(Guest& guest, const LabelledFiles& files, const std::string& file_contexts) {
  // -s reads names, also in EL7 (policycoreutils 2.5, setfiles/setfiles.c), and unlike -f does not build a table of
  // inodes for each name. setfiles descends into directories, so it gets none. Without -F it accepts customized types.
  const auto result =
      guest.shell(list_function(files) + find_mount_option +
                  fmt::format("list_files | while IFS= read -r path; do\n"
                              "  if [ -L \"$path\" ] || {{ [ -e \"$path\" ] && [ ! -d \"$path\" ]; }}; then\n"
                              "    printf '%s\\n' \"$path\"\n"
                              "  fi\n"
                              "done | setfiles -s -n -v $mount_option {} 2>&1\n",
                              shell_quote(file_contexts)));
  WrongLabels wrong;
  for (const auto& line : split_lines(result.output))
    if (auto file = wrong_label_in(line); !file.empty() && wrong.files.size() < max_files)
      wrong.files.push_back(std::move(file));
  if (!result.ok())
    wrong.trouble = fmt::format("setfiles: exit status {}: {}", result.status, last_lines(result.output));
  return wrong;
}

}  // namespace bake::guest
