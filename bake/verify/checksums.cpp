#include "bake/verify/checksums.hpp"

#include <map>
#include <optional>

#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/disk/sidecar.hpp"

namespace bake::verify {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_checksums = 65536;
constexpr std::size_t digest_size = 64;
constexpr const char* rule = "checksums";

/// Returns one line as sha256sum(1) writes it: a backslash before it says that the name has escapes.
std::string line_of(const std::string& sha256, const std::string& name) {
  auto escaped = replace_all(name, "\\", "\\\\");
  escaped = replace_all(replace_all(escaped, "\n", "\\n"), "\r", "\\r");
  return (escaped == name ? "" : "\\") + sha256 + "  " + escaped + "\n";
}

std::string unescaped(std::string_view name) {
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i)
    if (name[i] == '\\' && i + 1 < name.size()) {
      const char c = name[++i];
      text += c == 'n' ? '\n' : c == 'r' ? '\r' : c;
    } else {
      text += name[i];
    }
  return text;
}

/// Name → digest of every line; nothing when a line is not as sha256sum(1) writes it.
std::optional<std::map<std::string, std::string>> listed_in(const std::string& text) {
  std::map<std::string, std::string> listed;
  for (auto line : each_line(text)) {
    const bool has_escapes = line.starts_with('\\');
    if (has_escapes) line.remove_prefix(1);
    if (line.size() <= digest_size + 2 || !is_sha256(line.substr(0, digest_size)) || line[digest_size] != ' ')
      return std::nullopt;
    const auto name = line.substr(digest_size + 2);
    listed[has_escapes ? unescaped(name) : std::string(name)] = to_lower(line.substr(0, digest_size));
  }
  return listed;
}

/// Name → digest of the image and of its evidence files.
std::map<std::string, std::string> existing(const fs::path& image, const std::string& image_sha256) {
  std::map<std::string, std::string> files{{image.filename().string(), image_sha256}};
  for (const auto kind : evidence_sidecars)
    if (const auto file = sidecar_of(image, kind); fs::exists(file))
      files[file.filename().string()] = digest_of_file(file);
  return files;
}

}  // namespace

std::string checksum_lines(const fs::path& image, const std::string& image_sha256) {
  std::string text;  // the name of the image is the beginning of all others, so it comes first
  for (const auto& [name, sha256] : existing(image, image_sha256)) text += line_of(sha256, name);
  return text;
}

Check check_checksums(const fs::path& image, const std::string& image_sha256) {
  const auto file = sidecar_of(image, Sidecar::checksums);
  if (!fs::exists(file)) return skipped(rule, "there is no " + file.filename().string());
  const auto listed = listed_in(read_text(file, max_checksums));
  if (!listed) return {rule, false, file.filename().string() + " is not a file of sha256sum"};
  const auto files = existing(image, image_sha256);
  std::vector<std::string> problems;
  for (const auto& [name, sha256] : files)
    if (const auto found = listed->find(name); found == listed->end())
      problems.push_back(printable(name) + " is not listed");
    else if (found->second != sha256)
      problems.push_back(printable(name) + " has another digest");
  Samples missing;  // the file may be of another party, with thousands of lines
  for (const auto& [name, sha256] : *listed)
    if (!files.contains(name)) missing.add(printable(name));
  if (!missing.empty()) problems.push_back("not a file of this image, or missing: " + missing.text());
  return {rule, problems.empty(),
          problems.empty() ? std::to_string(files.size()) + " files have the listed digests" : join(problems, "; ")};
}

}  // namespace bake::verify
