#include "bake/appliance/script.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <set>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {

std::string script_command(std::string_view sysroot, std::chrono::seconds limit) {
  return fmt::format(
      "umask 022; PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LOGNAME=root SHELL=/bin/sh TERM=dumb LANG=C "
      "LC_ALL=C timeout -k 10 {3} chroot {0} /bin/sh {1} >{0}{2} 2>&1 </dev/null; echo $?",
      sysroot, script_file, output_file, limit.count());
}

int parse_status(std::string_view text) {
  const auto number = trim(text);
  int status = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), status);
  if (error == std::errc{} && end == number.data() + number.size()) return status;
  throw Error(ErrorKind::failed,
              fmt::format("running a script in the guest: the appliance answered '{}'", number.substr(0, 80)),
              "this version of libguestfs behaves differently than expected", {{Remedy::Action::check_machine}});
}

bool ended_by_limit(int status, std::chrono::nanoseconds took, std::chrono::seconds limit) {
  return (status == 124 || status == 137) && took >= limit;
}

std::string_view start_failure(int status, std::string_view output) {
  constexpr std::string_view complaint = "chroot: failed to run command";
  return (status == 126 || status == 127) && output.starts_with(complaint) ? trim(output) : std::string_view{};
}

std::string fingerprint_command(std::string_view sysroot) {
  // The names end with NUL, so that no name can look like two.
  constexpr std::string_view show = R"(-printf "%y %m %U:%G %p\0%l\0")";
  constexpr std::string_view digest = "-type f -exec sha256sum -z {} +";
  const auto each = [](const char* list, std::string_view limit, std::string_view action, const char* output) {
    return fmt::format("xargs -0 -r sh -c 'find \"$@\" {} {} 2>/dev/null; :' sh <.{} >>.{}", limit, action, list,
                       output);
  };
  return fmt::format("cd {} && rm -f .{} .{} && {} && {} && {} && {}", sysroot, states_file, digests_file,
                     each(files_list, "-maxdepth 0", show, states_file), each(trees_list, "-xdev", show, states_file),
                     each(files_list, "-maxdepth 0", digest, digests_file),
                     each(trees_list, "-xdev", digest, digests_file));
}

std::string fingerprint_list(const std::vector<std::string>& paths, bool parents) {
  std::set<std::string> all;
  for (const auto& path : paths) {
    if (!path.starts_with('/') || path.find('\0') != std::string::npos || !is_stored(path)) continue;
    std::string here;
    for (const auto& name : path_components(path)) {
      here += "/" + name;
      if (parents) all.insert(here);
    }
    if (!here.empty()) all.insert(here);
  }
  std::string list;
  for (const auto& path : all) list += "." + path + '\0';
  return list;
}

std::map<std::string, std::string> parse_fingerprints(std::string_view states, std::string_view digests) {
  std::map<std::string, std::string> digest_of_path;
  for (const auto& line : split(digests, '\0'))
    if (line.size() > 67) digest_of_path[line.substr(67)] = line.substr(0, 64);
  std::map<std::string, std::string> found;
  std::set<std::string> links;
  const auto fields = split(states, '\0');
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    const auto dot = fields[i].find(" ./");
    const auto words = split_words(fields[i].substr(0, dot));
    if (dot == std::string::npos || words.size() != 3) continue;
    const auto path = fields[i].substr(dot + 2);
    const auto digest = digest_of_path.find(path);
    if (words[0] == "l") links.insert(path);
    if (words[0] == "l") found[path] = "link " + fields[i + 1];
    if (words[0] == "f")
      found[path] = fmt::format("{:0>4} {} {}", words[1], words[2],
                                digest == digest_of_path.end() ? "unreadable" : digest->second);
    if (words[0] != "l" && words[0] != "f" && words[0] != "d") found[path] = "other";
  }
  std::erase_if(found, [&](const auto& entry) {
    for (auto parent = parent_of(entry.first); parent != "/"; parent = parent_of(parent))
      if (links.contains(parent)) return true;
    return false;
  });
  return found;
}

std::string end_programs_command(std::string_view sysroot) {
  return fmt::format("for p in /proc/[0-9]*; do [ $p/root -ef {} ] && kill -9 ${{p#/proc/}}; done; true", sysroot);
}

}  // namespace bake::guest
