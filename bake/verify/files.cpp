#include "bake/verify/files.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/shell.hpp"
#include "bake/plan/files.hpp"

namespace bake::verify {
namespace {

using guest::Guest;
using States = std::map<std::string, std::string>;

constexpr std::size_t max_package_files = 100'000;

/// With a merged /usr, packages name files below /bin, /sbin, /lib and /lib64, which are links. Returns "/lib" → the
/// real path "/usr/lib" for each.
std::map<std::string, std::string> merged_directories(Guest& guest) {
  std::map<std::string, std::string> merged;
  for (const std::string name : {"/bin", "/sbin", "/lib", "/lib64"})
    if (const auto target = guest.read_link(name); target == "usr" + name || target == "/usr" + name)
      merged[name] = "/usr" + name;
  return merged;
}

std::string real_path(const std::string& path, const std::map<std::string, std::string>& merged) {
  const auto found = merged.find(path.substr(0, path.find('/', 1)));
  return found == merged.end() ? path : found->second + path.substr(found->first.size());
}

/// Returns the files that the injected packages list, from the guest's package database.
std::vector<std::string> package_files(Guest& guest, const plan::Plan& plan) {
  std::vector<std::string> names;
  for (const auto& package : plan.expectations.packages) names.push_back(package.name);
  if (names.empty()) return {};
  const auto* list = plan.family == guest::Family::rpm ? "rpm -ql" : "dpkg-query -L";
  const auto output = guest::run(guest, "listing the files of the injected packages",
                                 fmt::format("{} {}\n", list, guest::quoted(names)));
  std::vector<std::string> files;
  for (const auto line : each_line(output)) {
    if (!line.starts_with('/')) continue;
    if (files.size() == max_package_files)
      throw Error(ErrorKind::failed,
                  fmt::format("listing the files of the injected packages: there are more than {}", max_package_files));
    files.emplace_back(line);
  }
  return files;
}

Error damaged(const nlohmann::json::exception& error) {
  return {ErrorKind::config, std::string("reading the files in a manifest: ") + error.what(),
          "another version of bake wrote the manifest"};
}

States printable_states(const States& states) {
  States result;
  for (const auto& [path, state] : states) result[printable(path)] = printable(state);
  return result;
}

void add_names(const char* what, const Samples& names, std::vector<std::string>& problems) {
  if (!names.empty()) problems.push_back(fmt::format("{}: {}", what, names.text()));
}

/// Compares the names, types, modes, owners, sizes and link targets of all files with the record. The digest says
/// nothing about other files when one of the list differs, because it covers those too.
void compare_rest(Guest& guest, const nlohmann::json& record, std::vector<std::string>& problems) {
  if (!record.contains("rest") || record.at("rest").get<std::string>() == guest.tree_digest()) return;
  problems.emplace_back(problems.empty()
                            ? "files that the manifest does not list were added, removed or changed (type, "
                              "mode, owner, size or link target)"
                            : "files that the manifest does not list may differ too");
}

}  // namespace

nlohmann::ordered_json record_files(Guest& guest, const plan::Plan& plan) {
  const auto merged = merged_directories(guest);
  const auto modules = real_path("/lib/modules/" + plan.kernel() + "/", merged);
  auto files = package_files(guest, plan);
  for (const auto& file : plan::files_of(plan)) files.push_back(file.path);
  for (auto& file : files) file = real_path(file, merged);
  for (const auto* name : {"modules.dep", "modules.dep.bin", "modules.alias", "modules.alias.bin", "modules.softdep"})
    files.push_back(modules + name);
  // The manifest lists names as printable text, so another name would not be found again.
  std::erase_if(files, [](const auto& file) { return printable(file) != file; });
  const std::vector<std::string> trees{"/etc", "/boot", modules + "extra", modules + "updates",
                                       modules + "weak-updates"};
  nlohmann::ordered_json record{{"trees", trees}, {"list", printable_states(guest.fingerprints(files, trees))}};
  record["rest"] = guest.tree_digest();
  return record;
}

nlohmann::ordered_json record_files_again(Guest& guest, const nlohmann::json& record) try {
  std::vector<std::string> files;
  for (const auto& [path, state] : record.at("list").get<States>()) files.push_back(path);
  const auto trees = record.at("trees").get<std::vector<std::string>>();
  nlohmann::ordered_json now{{"trees", trees}, {"list", printable_states(guest.fingerprints(files, trees))}};
  now["rest"] = guest.tree_digest();
  return now;
} catch (const nlohmann::json::exception& error) {
  throw damaged(error);
}

Check verify_files(Guest& guest, const nlohmann::json& manifest) try {
  if (!manifest.contains("files")) return skipped("files", "the manifest does not list the files of the image");
  const auto recorded = manifest.at("files").at("list").get<States>();
  std::vector<std::string> files;
  for (const auto& [path, state] : recorded) files.push_back(path);
  const auto found =
      printable_states(guest.fingerprints(files, manifest.at("files").at("trees").get<std::vector<std::string>>()));
  Samples changed;
  Samples missing;
  Samples added;
  for (const auto& [path, state] : recorded)
    if (const auto now = found.find(path); now == found.end())
      missing.add(path);
    else if (now->second != state)
      changed.add(path);
  for (const auto& [path, state] : found)
    if (!recorded.contains(path)) added.add(path);
  std::vector<std::string> problems;
  add_names("changed", changed, problems);
  add_names("missing", missing, problems);
  add_names("new", added, problems);
  compare_rest(guest, manifest.at("files"), problems);
  return {"files", problems.empty(),
          problems.empty()
              ? fmt::format("{} files of the packages, of bake and of the system's configuration are as the "
                            "bake left them{}",
                            recorded.size(),
                            manifest.at("files").contains("rest")
                                ? "; all others have the same names, types, modes, owners, sizes and link targets"
                                : "")
              : join(problems, "; ")};
} catch (const nlohmann::json::exception& error) {
  throw damaged(error);
}

}  // namespace bake::verify
