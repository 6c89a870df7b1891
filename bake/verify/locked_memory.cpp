#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"
#include "bake/plan/files.hpp"
#include "bake/verify/guest.hpp"
#include "bake/verify/unit_lines.hpp"

namespace bake::verify {
namespace {

using guest::Guest;

/// A line that sets the limit.
struct Line {
  std::string file;
  std::string text;   ///< its words separated by one blank each
  std::string fault;  ///< what is wrong with it; empty: it sets no limit
};

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
  std::optional<Line> range;  ///< the last one that limits a range of ids, which counts before one for all users
};

/// Returns whether a domain of limits.conf is a range of user or group ids: "1000:", "1000:2000", ":1000", "@1000:"
/// (limits.conf(5)).
bool is_id_range(std::string_view domain) {
  if (domain.starts_with('@')) domain.remove_prefix(1);
  return domain.size() > 1 && std::count(domain.begin(), domain.end(), ':') == 1 &&
         domain.find_first_not_of("0123456789:") == std::string_view::npos;
}

/// Takes a line "DOMAIN TYPE ITEM VALUE" into account; other words do not count. pam_limits reads all of them but the
/// domain in lower case (linux-pam, modules/pam_limits/pam_limits.c, parse_config_file).
void add_limit(const std::string& file, std::string_view text, SessionLimits& last) {
  const auto words = split_words(text.substr(0, text.find('#')));
  if (words.size() < 4 || to_lower(words[2]) != "memlock") return;
  const auto type = to_lower(words[1]);
  const auto value = to_lower(words[3]);
  const bool hard = type == "hard" || type == "-";
  const bool soft = type == "soft" || type == "-";
  const bool unlimited = value == "unlimited" || value == "infinity" || value == "-1" || value == "-";
  const Line line{file, join(words, " "), unlimited ? "" : "limits it"};
  if (words[0] == "*" && hard) last.hard = line;
  if (words[0] == "*" && soft) last.soft = line;
  if (is_id_range(words[0]) && (hard || soft) && !unlimited) last.range = line;
}

/// pam_limits reads limits.conf, then limits.d in the order of the names, and the last line counts (linux-pam,
/// modules/pam_limits/pam_limits.c).
SessionLimits session_limits(Guest& guest) {
  auto files = files_below(guest, {"/etc/security/limits.d"});
  files.insert(files.begin(), "/etc/security/limits.conf");
  SessionLimits last;
  for (const auto& file : files) {
    const auto content = guest.read(file).value_or("");
    for (const auto line : each_line(content)) add_limit(file, line, last);
  }
  return last;
}

constexpr std::string_view service_key = "DefaultLimitMEMLOCK";

/// Returns the line of a system.conf that counts: the last one of the section [Manager] (systemd-system.conf(5)).
std::optional<Line> service_limit_in(const std::string& file, const std::string& content) {
  if (content.find(service_key) == std::string::npos) return std::nullopt;
  if (const auto line = ambiguous_line(content)) return Line{file, *line, "is not one line for systemd"};
  std::optional<Line> last;
  bool in_manager = false;
  for (const auto line : each_line(content)) {
    const auto text = trim(line);
    if (text.starts_with('[')) in_manager = text == "[Manager]";
    const auto equals = std::min(text.find('='), text.size());
    if (!in_manager || equals == text.size() || trim(text.substr(0, equals)) != service_key) continue;
    const auto value = trim(text.substr(equals + 1));
    const bool unlimited = value == "infinity" || value == "infinity:infinity";
    last = Line{file, fmt::format("{}={}", service_key, value), unlimited ? "" : "limits it"};
  }
  return last;
}

/// The line of systemd that counts: files with a later name override earlier ones (systemd-system.conf(5)).
std::optional<Line> service_limit(Guest& guest) {
  std::optional<Line> last;
  for (const auto& file : files_below(guest, {"/etc/systemd/system.conf.d", "/usr/local/lib/systemd/system.conf.d",
                                              "/usr/lib/systemd/system.conf.d", "/lib/systemd/system.conf.d"}))
    if (auto line = service_limit_in(file, guest.read(file).value_or(""))) last = std::move(line);
  return last;
}

std::string missing_file(Guest& guest, const std::string& path) { return guest.read(path) ? "" : path + " is missing"; }

std::string fault_of(const Line& line) {
  return line.fault.empty() ? "" : fmt::format("'{}' in {} {}", line.text, line.file, line.fault);
}

std::string problem_of(const std::optional<Line>& effective, const std::string& wanted, const char* file) {
  return effective ? fault_of(*effective) : fmt::format("'{}' is not in {}", wanted, file);
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
        sessions.range ? fault_of(*sessions.range) : "",
        problem_of(service_limit(guest), "[Manager] DefaultLimitMEMLOCK=infinity", plan::path::service_limits)})
    if (!problem.empty() && std::find(problems.begin(), problems.end(), problem) == problems.end())
      problems.push_back(problem);
  return {"locked memory", problems.empty(),
          problems.empty() ? "unlimited in sessions and services" : printable(join(problems, "; "))};
}

}  // namespace bake::verify
