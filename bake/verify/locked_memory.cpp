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

/// Calls `use` with every line of `file` that has `word` outside of a comment.
template <class Use>
void each_setting(Guest& guest, const std::string& file, std::string_view word, Use use) {
  const auto content = guest.read(file).value_or("");
  for (const auto each : each_line(content))
    if (const auto text = each.substr(0, each.find('#')); text.find(word) != std::string_view::npos)
      use(Line{file, join(split_words(text), " ")});
}

/// Returns the .conf files of `directories` in the order of their names; of two files with the same name only the one
/// in the earlier directory counts.
std::vector<std::string> files_below(Guest& guest, const std::vector<std::string>& directories) {
  std::map<std::string, std::string> files;
  for (const auto& directory : directories)
    for (const auto& name : guest.list(directory))
      if (name.ends_with(".conf")) files.try_emplace(name, guest::join_path(directory, name));
  std::vector<std::string> paths;
  for (const auto& [name, file] : files) paths.push_back(file);
  return paths;
}

/// The last lines that set the limits for all users.
struct SessionLimits {
  std::optional<Line> hard;
  std::optional<Line> soft;
};

/// pam_limits reads limits.conf, then limits.d in the order of the names, and the last line counts (linux-pam,
/// modules/pam_limits/pam_limits.c).
SessionLimits session_limits(Guest& guest) {
  auto files = files_below(guest, {"/etc/security/limits.d"});
  files.insert(files.begin(), "/etc/security/limits.conf");
  SessionLimits last;
  for (const auto& file : files)
    each_setting(guest, file, "memlock", [&](const Line& line) {
      const bool both = line.text.starts_with("* - memlock ");
      if (both || line.text.starts_with("* hard memlock ")) last.hard = line;
      if (both || line.text.starts_with("* soft memlock ")) last.soft = line;
    });
  return last;
}

bool is_unlimited(const Line& line) {
  return line.text.ends_with(" unlimited") || line.text.ends_with(" infinity") || line.text.ends_with(" -1") ||
         line.text.ends_with("=infinity") || line.text.ends_with("=infinity:infinity");
}

/// The line of systemd that counts: files with a later name override earlier ones (systemd-system.conf(5)).
std::optional<Line> service_limit(Guest& guest) {
  std::optional<Line> last;
  for (const auto& file : files_below(guest, {"/etc/systemd/system.conf.d", "/usr/local/lib/systemd/system.conf.d",
                                              "/usr/lib/systemd/system.conf.d", "/lib/systemd/system.conf.d"}))
    each_setting(guest, file, "DefaultLimitMEMLOCK", [&](Line line) {
      line.text = replace_all(line.text, " ", "");
      if (line.text.starts_with("DefaultLimitMEMLOCK=")) last = std::move(line);
    });
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
  const auto sessions = session_limits(guest);
  std::vector<std::string> problems;
  for (const auto& problem :
       {missing_file(guest, plan::path::limits), missing_file(guest, plan::path::service_limits),
        problem_of(sessions.hard, "* hard memlock unlimited", plan::path::limits),
        problem_of(sessions.soft, "* soft memlock unlimited", plan::path::limits),
        problem_of(service_limit(guest), "DefaultLimitMEMLOCK=infinity", plan::path::service_limits)})
    if (!problem.empty()) problems.push_back(problem);
  return {"locked memory", problems.empty(),
          problems.empty() ? "unlimited in sessions and services" : printable(join(problems, "; "))};
}

}  // namespace bake::verify
