#include "bake/bundle/doca_source.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"

namespace bake::bundle {
namespace {

constexpr std::string_view front = "usr/share/doca-host-";

std::string shown(std::string_view text) { return printable(text.substr(0, 200)); }

[[noreturn]] void refuse_outside(const std::string& bundle, const std::string& file, std::string_view uri) {
  throw Error(ErrorKind::untrusted,
              fmt::format("reading bundle '{}': {} names the repository '{}', which is outside of the package", bundle,
                          file, shown(uri)),
              "bake reads only the repository inside of a package: /usr/share/doca-host-…/repo");
}

[[noreturn]] void refuse_form(const std::string& bundle, const std::string& file, std::string_view line) {
  throw Error(ErrorKind::config,
              fmt::format("reading bundle '{}': {} has the entry '{}', which names no flat repository", bundle, file,
                          shown(line)),
              "an entry is: deb [options] file:/usr/share/doca-host-…/repo <directory>/");
}

/// Returns an absolute path without its leading slash, doubled slashes and "."; nothing for a path with "..",
/// variables, escapes or control characters.
std::optional<std::string> plain_absolute(std::string_view path) {
  if (!path.starts_with('/') || printable(path) != path || path.find_first_of("%$\\") != std::string_view::npos)
    return std::nullopt;
  std::vector<std::string> parts;
  for (const auto& part : split(path, '/')) {
    if (part == "..") return std::nullopt;
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  return join(parts, "/");
}

/// Returns the path in a file: URI, as plain_absolute(); nothing for another scheme or another host.
std::optional<std::string> path_of_uri(std::string_view uri) {
  for (const std::string_view scheme : {"file://", "copy://", "file:", "copy:"})
    if (uri.starts_with(scheme)) return plain_absolute(uri.substr(scheme.size()));
  return std::nullopt;
}

/// Returns the directory of a repository that a URI names. Throws Error{untrusted} if it cannot be in the package.
std::string directory_of(std::string_view uri, const std::string& file, const std::string& bundle) {
  const auto path = path_of_uri(uri);
  if (!path || !path->starts_with(front)) refuse_outside(bundle, file, uri);
  return *path;
}

bool is_yes(std::string_view value) {
  const auto lower = to_lower(trim(value));
  return lower == "yes" || lower == "true" || lower == "1" || lower == "on";
}

void add_keys(std::string_view value, std::vector<std::string>& keys) {
  for (const auto& word : split_words(replace_all(std::string(value), ",", " "))) {
    const auto path = word.starts_with("/") ? plain_absolute(word) : path_of_uri(word);
    if (path) keys.push_back(*path);  // else a fingerprint or a URL
  }
}

/// One line of a .list file without comments; nothing for lines that name no binary packages.
std::optional<SourceEntry> entry_of_line(std::string_view line, const std::string& file, const std::string& bundle) {
  SourceEntry entry;
  entry.file = file;
  auto rest = line;
  const auto kind = split_words(line).front();
  if (kind == "deb-src") return std::nullopt;
  if (kind != "deb") refuse_form(bundle, file, line);
  rest.remove_prefix(std::string_view("deb").size());
  rest = trim(rest);
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) refuse_form(bundle, file, line);
    for (const auto& option : split_words(rest.substr(1, end - 1))) {
      const auto equals = option.find('=');
      if (equals == std::string::npos) continue;
      const auto key = to_lower(option.substr(0, equals));
      if (key == "trusted") entry.declares_trust = is_yes(option.substr(equals + 1));
      if (key == "signed-by") add_keys(option.substr(equals + 1), entry.keys);
    }
    rest = trim(rest.substr(end + 1));
  }
  const auto words = split_words(rest);
  if (words.empty()) refuse_form(bundle, file, line);
  entry.directory = directory_of(words[0], file, bundle);
  if (words.size() != 2 || !words[1].ends_with('/')) refuse_form(bundle, file, line);
  const auto suite = plain_absolute("/" + words[1]);
  if (!suite) refuse_outside(bundle, file, words[0] + " " + words[1]);
  entry.index_directory = suite->empty() ? entry.directory : entry.directory + "/" + *suite;
  return entry;
}

using Section = std::map<std::string, std::string, std::less<>>;

/// The sections of an ini file; a line that begins with a space continues the value above it.
std::vector<Section> sections_of(std::string_view text) {
  std::vector<Section> sections;
  std::string* last = nullptr;
  for (const auto& line : split_lines(text)) {
    const auto content = trim(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') continue;
    if (content.front() == '[') {
      sections.emplace_back();
      last = nullptr;
    } else if (line.front() == ' ' || line.front() == '\t') {
      if (last != nullptr) last->append(" ").append(content);
    } else if (const auto equals = content.find('='); equals != std::string_view::npos && !sections.empty()) {
      last = &(sections.back()[to_lower(trim(content.substr(0, equals)))] = trim(content.substr(equals + 1)));
    }
  }
  return sections;
}

}  // namespace

std::vector<SourceEntry> parse_sources_list(std::string_view text, const std::string& file, const std::string& bundle) {
  std::vector<SourceEntry> entries;
  for (const auto& line : split_lines(text)) {
    const auto content = trim(std::string_view(line).substr(0, line.find('#')));
    if (content.empty()) continue;
    if (auto entry = entry_of_line(content, file, bundle)) entries.push_back(std::move(*entry));
  }
  return entries;
}

std::vector<SourceEntry> parse_repo_file(std::string_view text, const std::string& file, const std::string& bundle) {
  std::vector<SourceEntry> entries;
  for (const auto& section : sections_of(text)) {
    const auto value = [&](std::string_view key) {
      const auto found = section.find(key);
      return found == section.end() ? std::string() : found->second;
    };
    if (section.contains("enabled") && !is_yes(value("enabled"))) continue;
    for (const auto* elsewhere : {"mirrorlist", "metalink"})
      if (const auto uri = value(elsewhere); !uri.empty()) refuse_outside(bundle, file, uri);
    for (const auto& uri : split_words(replace_all(value("baseurl"), ",", " "))) {
      SourceEntry entry;
      entry.file = file;
      entry.directory = directory_of(uri, file, bundle);
      entry.index_directory = entry.directory;
      add_keys(value("gpgkey"), entry.keys);
      entry.declares_trust = section.contains("gpgcheck") && !is_yes(value("gpgcheck"));
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

std::set<std::string> repository_directories(const std::set<std::string>& paths, bool kernel_repository) {
  std::set<std::string> directories;
  for (auto path = paths.lower_bound(std::string(front)); path != paths.end() && path->starts_with(front); ++path) {
    const auto parts = split(*path, '/');  // usr, share, doca-host-…, repo, file
    if (!kernel_repository && parts.size() > 4 && parts[3] == "repo")
      directories.insert(join({parts.begin(), parts.begin() + 4}, "/"));
    if (kernel_repository && parts.size() > 5 && parts[3] == "Modules")
      directories.insert(join({parts.begin(), parts.begin() + 5}, "/"));
  }
  return directories;
}

SourceEntry choose_repository(const std::vector<SourceEntry>& entries, const std::set<std::string>& paths,
                              bool kernel_repository, const std::string& bundle) {
  const auto there = repository_directories(paths, kernel_repository);
  if (entries.empty()) {
    if (there.size() == 1) return {"", *there.begin(), *there.begin()};
    throw Error(
        ErrorKind::config,
        fmt::format("reading bundle '{}': no .list or .repo file names its repository, and it has {} directories "
                    "/usr/share/doca-host-…/{}",
                    bundle, there.size(), kernel_repository ? "Modules/<kernel>" : "repo"),
        "this is not the layout of a DOCA-Host package");
  }
  for (const auto& entry : entries) {
    const auto below = entry.index_directory + "/";
    const auto found = paths.lower_bound(below);
    if (!there.contains(entry.directory) || found == paths.end() || !found->starts_with(below))
      throw Error(ErrorKind::untrusted,
                  fmt::format("reading bundle '{}': {} names the repository '/{}', which the package does not have",
                              bundle, entry.file, entry.index_directory),
                  "fetch the file again and compare its sha256 with that of the publisher");
    if (entry.index_directory != entries.front().index_directory)
      throw Error(ErrorKind::config, fmt::format("reading bundle '{}': it names two repositories, '/{}' and '/{}'",
                                                 bundle, entries.front().index_directory, entry.index_directory));
  }
  return entries.front();
}

}  // namespace bake::bundle
