// The text comes from the guest: it is hostile input.
#include "bake/resolve/installed.hpp"

#include <array>
#include <charconv>

#include "bake/base/text.hpp"

namespace bake::resolve {
namespace {

constexpr std::string_view none = "(none)";  // rpm prints this for a tag that the package does not have

std::string or_empty(const std::string& value) { return value == none ? std::string() : value; }

/// Reads the fields of a "P" line after the letter: name, epoch, version, release, architecture.
bool start_package(const std::vector<std::string>& fields, Installed& installed) {
  if (fields.size() != 5 || fields[0].empty() || fields[2].empty()) return false;
  RpmPackage package;
  package.name = fields[0];
  const auto epoch = or_empty(fields[1]);
  if (!epoch.empty() && epoch.find_first_not_of("0123456789") != std::string::npos) return false;
  if (!epoch.empty() && epoch != "0") package.evr = epoch + ":";
  package.evr += fields[2];
  if (!fields[3].empty()) package.evr += "-" + fields[3];
  package.arch = or_empty(fields[4]);
  installed.rpm.push_back(std::move(package));
  return true;
}

bool add_dependency(const std::vector<std::string>& fields, std::vector<RpmDependency>& list) {
  if (fields.empty() || fields.size() > 3 || fields[0].empty()) return false;
  if (fields[0] == none) return true;  // old rpm prints an empty array as one "(none)"
  RpmDependency dependency;
  dependency.name = fields[0];
  if (fields.size() > 1 && !fields[1].empty() && fields[1] != none) {
    const auto& number = fields[1];
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), dependency.sense);
    if (error != std::errc() || end != number.data() + number.size()) return false;
  }
  if (fields.size() > 2) dependency.evr = or_empty(fields[2]);
  list.push_back(std::move(dependency));
  return true;
}

bool add_line(char letter, std::string_view rest, Installed& installed) {
  if (letter == 'P') return start_package(split(rest, '\t'), installed);
  if (installed.rpm.empty()) return false;
  auto& package = installed.rpm.back();
  switch (letter) {
    case 'v':
      return add_dependency(split(rest, '\t'), package.provides);
    case 'r':
      return add_dependency(split(rest, '\t'), package.needs);
    case 'o':
      return add_dependency(split(rest, '\t'), package.obsoletes);
    case 'c':
      return add_dependency(split(rest, '\t'), package.conflicts);
    case 'f':
      if (rest == none) return true;
      if (rest.empty() || rest.front() != '/') return false;
      package.files.emplace_back(rest);
      return true;
    default:
      return false;
  }
}

/// One stanza of a control file: the first line of each field by its lower-case name, and the text for the solver.
struct Stanza {
  std::map<std::string, std::string> values;
  std::string needed_text;  ///< the fields that the solver reads, unchanged, with their continuation lines
};

constexpr std::array<std::string_view, 10> solver_fields{"package", "version",     "architecture", "multi-arch",
                                                         "depends", "pre-depends", "provides",     "conflicts",
                                                         "breaks",  "replaces"};

bool is_solver_field(const std::string& name) {
  for (const auto field : solver_fields)
    if (name == field) return true;
  return false;
}

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

/// Removes the next stanza from `text` and returns it; its values are empty at the end of the text.
Stanza take_stanza(std::string_view& text) {
  Stanza stanza;
  bool keep = false;
  while (!text.empty()) {
    const auto line = take_line(text);
    if (trim(line).empty()) {
      if (stanza.values.empty()) continue;
      break;
    }
    if (line.front() != ' ' && line.front() != '\t') {
      const auto colon = line.find(':');
      const auto name = to_lower(line.substr(0, colon));
      stanza.values[name] = colon == std::string_view::npos ? "" : std::string(trim(line.substr(colon + 1)));
      keep = is_solver_field(name);
    }
    if (keep) stanza.needed_text.append(line).push_back('\n');
  }
  return stanza;
}

std::string value_of(const Stanza& stanza, const std::string& field) {
  const auto found = stanza.values.find(field);
  return found == stanza.values.end() ? std::string() : found->second;
}

enum class State { installed, absent, broken };

/// Reads "hold ok installed": selection, error flag, state (dpkg(1), section "information about packages").
State state_of(const std::string& status) {
  const auto words = split_words(status);
  if (words.size() != 3 || words[1] != "ok") return State::broken;
  if (words[2] == "not-installed" || words[2] == "config-files") return State::absent;
  // The next dpkg call runs waiting triggers. The files and dependencies of the package are complete.
  if (words[2] == "installed" || words[2] == "triggers-awaited" || words[2] == "triggers-pending")
    return State::installed;
  return State::broken;
}

void add_installed_deb(const Stanza& stanza, const std::string& arch, Installed& installed) {
  const auto name = value_of(stanza, "package");
  const auto package_arch = value_of(stanza, "architecture");
  if (package_arch != arch && package_arch != "all") {
    // libsolv does not know dpkg's rules for several architectures, so it does not get these packages.
    if (value_of(stanza, "multi-arch") == "same") installed.foreign[name] = package_arch;
    return;
  }
  if (value_of(stanza, "essential") == "yes" || value_of(stanza, "protected") == "yes")
    installed.essential.insert(name);
  installed.deb.append(stanza.needed_text).push_back('\n');
}

}  // namespace

Installed read_rpm_dump(std::string_view dump, std::vector<Problem>& problems) {
  Installed installed;
  bool ended = false;
  int number = 0;
  while (!dump.empty() && !ended) {
    const auto line = take_line(dump);
    ++number;
    ended = line == "E";
    if (ended) break;
    if (line.size() >= 3 && line[1] == ' ' && add_line(line[0], line.substr(2), installed)) continue;
    problems.push_back({"package database", "line " + std::to_string(number) + " of the rpm dump has an unknown format",
                        "the rpm database of the image may be damaged: run 'rpm --rebuilddb' in it"});
    return installed;
  }
  if (!ended)
    problems.push_back({"package database", "the list of installed packages is truncated",
                        "the rpm database of the image may be damaged: run 'rpm --rebuilddb' in it"});
  return installed;
}

Installed read_dpkg_status(std::string_view status, const std::string& arch, std::vector<Problem>& problems) {
  Installed installed;
  while (!status.empty()) {
    const auto stanza = take_stanza(status);
    if (stanza.values.empty()) break;
    const auto name = value_of(stanza, "package");
    if (name.empty()) {
      problems.push_back({"package database", "a stanza of /var/lib/dpkg/status has no package name",
                          "repair the image's package database first"});
      continue;
    }
    switch (state_of(value_of(stanza, "status"))) {
      case State::installed:
        add_installed_deb(stanza, arch, installed);
        break;
      case State::broken:
        problems.push_back({name, "its installation is not complete ('" + value_of(stanza, "status") + "')",
                            "run 'dpkg --configure -a' in the image first"});
        break;
      case State::absent:
        break;
    }
  }
  return installed;
}

}  // namespace bake::resolve
