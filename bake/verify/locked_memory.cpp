#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"
#include "bake/plan/files.hpp"
#include "bake/verify/guest.hpp"

namespace bake::verify {
namespace {

using guest::Guest;

/// A line of a configuration file, its words separated by one blank each.
struct Line {
  std::string file;
  std::string text;
};

/// The lines of `file` that are neither empty nor comments.
std::vector<Line> lines_of(Guest& guest, const std::string& file) {
  std::vector<Line> lines;
  for (const auto& each : split_lines(guest.read(file).value_or("")))
    if (auto text = join(split_words(each.substr(0, each.find('#'))), " "); !text.empty())
      lines.push_back({file, std::move(text)});
  return lines;
}

/// Returns the lines of the .conf files of `directories` in the order of the names of the files; of two files with the
/// same name only the one in the earlier directory counts.
std::vector<Line> lines_below(Guest& guest, const std::vector<std::string>& directories) {
  std::map<std::string, std::string> files;
  for (const auto& directory : directories)
    for (const auto& name : guest.list(directory))
      if (name.ends_with(".conf")) files.try_emplace(name, guest::join_path(directory, name));
  std::vector<Line> lines;
  for (const auto& [name, file] : files)
    for (auto& line : lines_of(guest, file)) lines.push_back(std::move(line));
  return lines;
}

/// The last line that sets the limit of `type` ("hard", "soft") for all users. pam_limits reads limits.conf, then
/// limits.d in the order of the names, and the last line counts (linux-pam, modules/pam_limits/pam_limits.c).
std::optional<Line> session_limit(const std::vector<Line>& lines, const std::string& type) {
  std::optional<Line> last;
  for (const auto& line : lines)
    if (line.text.starts_with(fmt::format("* {} memlock ", type)) || line.text.starts_with("* - memlock ")) last = line;
  return last;
}

bool is_unlimited(const Line& line) {
  return line.text.ends_with(" unlimited") || line.text.ends_with(" infinity") || line.text.ends_with(" -1") ||
         line.text.ends_with("=infinity") || line.text.ends_with("=infinity:infinity");
}

/// The line of systemd that counts: files with a later name override earlier ones (systemd-system.conf(5)).
std::optional<Line> service_limit(Guest& guest) {
  std::optional<Line> last;
  for (auto& line : lines_below(guest, {"/etc/systemd/system.conf.d", "/usr/local/lib/systemd/system.conf.d",
                                        "/usr/lib/systemd/system.conf.d", "/lib/systemd/system.conf.d"})) {
    line.text = replace_all(line.text, " ", "");
    if (line.text.starts_with("DefaultLimitMEMLOCK=")) last = line;
  }
  return last;
}

std::string missing_file(Guest& guest, const std::string& path) { return guest.read(path) ? "" : path + " is missing"; }

std::string problem_of(const std::optional<Line>& effective, const std::string& wanted, const char* file) {
  if (!effective) return fmt::format("'{}' is not in {}", wanted, file);
  return is_unlimited(*effective) ? "" : fmt::format("'{}' in {} limits it", effective->text, effective->file);
}

}  // namespace

Check verify_locked_memory(Guest& guest, const plan::Expectations& expected) {
  if (!expected.memlock_unlimited) return skipped("locked memory", "the bake did not change the limit");
  auto lines = lines_of(guest, "/etc/security/limits.conf");
  for (auto& line : lines_below(guest, {"/etc/security/limits.d"})) lines.push_back(std::move(line));
  std::vector<std::string> problems;
  for (const auto& problem :
       {missing_file(guest, plan::path::limits), missing_file(guest, plan::path::service_limits),
        problem_of(session_limit(lines, "hard"), "* hard memlock unlimited", plan::path::limits),
        problem_of(session_limit(lines, "soft"), "* soft memlock unlimited", plan::path::limits),
        problem_of(service_limit(guest), "DefaultLimitMEMLOCK=infinity", plan::path::service_limits)})
    if (!problem.empty()) problems.push_back(problem);
  return {"locked memory", problems.empty(),
          problems.empty() ? "unlimited in sessions and services" : printable(join(problems, "; "))};
}

}  // namespace bake::verify
