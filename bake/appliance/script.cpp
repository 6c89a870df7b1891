#include "bake/appliance/script.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <set>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/guest.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

/// The beginning of an expression of find(1), run in the root directory, that accepts what is stored on the disk. All
/// mounted file systems are searched, and the subvolumes of btrfs.
constexpr std::string_view stored_files =
    R"(\( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run \) -prune -o)";

/// Returns whether a file with a size in these digits is hashed.
bool is_hashed(std::string_view size) {
  std::uint64_t bytes = 0;
  std::from_chars(size.data(), size.data() + size.size(), bytes);
  return bytes < fingerprint_limit;
}

/// Resolves the escapes of getfattr(1): a backslash and three octal digits (attr, libmisc/quote.c).
std::string unescape_octal(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const auto digits = text.substr(i + 1, 3);
    const bool escaped = text[i] == '\\' && digits.size() == 3 &&
                         std::from_chars(digits.data(), digits.data() + 3, code, 8).ptr == digits.data() + 3;
    plain += escaped ? static_cast<char>(code) : text[i];
    if (escaped) i += 3;
  }
  return plain;
}

}  // namespace

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

std::string limited_command(std::string_view sysroot, std::string_view command, std::chrono::seconds limit) {
  return fmt::format("cd {} && LC_ALL=C timeout -k 10 {} sh -c {}; echo $?", sysroot, limit.count(),
                     shell_quote(command));
}

std::string fingerprint_command() {
  // The names end with NUL, so that no name can look like two.
  constexpr std::string_view show = R"(-printf "%y %m %U:%G %s %p\0%l\0")";
  const auto digest = fmt::format("-type f -size -{}c -exec sha256sum -z {{}} +", fingerprint_limit);
  const auto each = [](const char* list, std::string_view limit, std::string_view action, const char* output) {
    return fmt::format("xargs -0 -r sh -c 'find \"$@\" {} {} 2>/dev/null; :' sh <.{} >>.{}", limit, action, list,
                       output);
  };
  return fmt::format("rm -f .{} .{} && {} && {} && {} && {}", states_file, digests_file,
                     each(files_list, "-maxdepth 0", show, states_file), each(trees_list, "-xdev", show, states_file),
                     each(files_list, "-maxdepth 0", digest, digests_file),
                     each(trees_list, "-xdev", digest, digests_file));
}

std::string privileged_command() {
  // One search for both, because it takes seconds; find(1) writes its list also if getfattr(1) ends early. getfattr(1)
  // fails for a file system without attributes (vfat); such a file has no capability.
  return fmt::format(
      "rm -f .{1} .{2}; if command -v getfattr >/dev/null; then "
      "list='xargs -0 -r getfattr -h -d -e hex -m ^security.capability$ --'; to=.{2}; else list=cat; to=/dev/null; "
      "fi; "
      "{{ find . {0} -type f \\( -perm /6000 -fprint0 .{1} , -perm /0111 -print0 \\) 2>/dev/null; :; }} | "
      "{{ $list; cat >/dev/null; }} >$to 2>/dev/null; [ -e .{1} ]",
      stored_files, setuid_file, capabilities_file);
}

std::map<std::string, std::string> parse_capabilities(std::string_view text) {
  constexpr std::string_view file = "# file: ";
  constexpr std::string_view attribute = "security.capability=";
  std::map<std::string, std::string> found;
  std::string path;
  for (const auto line : each_line(text)) {
    if (line.starts_with(file)) {
      auto name = line.substr(file.size());
      if (name.starts_with("./")) name.remove_prefix(2);  // some versions remove it
      path = "/" + unescape_octal(name);
    }
    if (line.starts_with(attribute) && !path.empty()) found[path] = line.substr(attribute.size());
  }
  return found;
}

std::string without_label_command() {
  // getfattr(1) names a file without the attribute on standard error only; LC_ALL=C makes that message known. Its two
  // streams must not mix in one pipe, because it writes blocks to one and pieces of lines to the other.
  // /run is in the memory of the appliance, so the list of such files has a limit too.
  return fmt::format(
      "rm -f .{1} .{1}.missing; command -v getfattr >/dev/null || exit 0; "
      "{{ find . {0} -print0 2>/dev/null | "
      "{{ {{ xargs -0 -r getfattr -h -n security.selinux -- 2>&1 >&3 | head -n {2} >.{1}.missing; }} 3>&1; cat "
      ">/dev/null; }} | "
      R"(sed -n -E -e '/^# file: /h' -e '/^security\.selinux=".*:(unlabeled_t|file_t)[:"\\]/{{g;s/^# file: //p}}'; )"
      R"(sed -n -e 's/: security\.selinux: No such attribute$//p' .{1}.missing; }} | head -n {2} >.{1} || exit 1; )"
      "rm -f .{1}.missing",
      stored_files, without_label_file, without_label_limit + 1);
}

std::vector<std::string> parse_without_label(std::string_view text) {
  std::vector<std::string> found;
  for (auto line : each_line(text)) {
    if (line.starts_with("./")) line.remove_prefix(2);  // some versions of getfattr remove it
    if (!line.empty()) found.push_back(line == "." ? "/" : "/" + unescape_octal(line));
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string tree_digest_command() {
  // find(1) never prints "//" in a path, so it separates the path from the target of a link.
  return fmt::format(R"({{ find . {0} \( -type f -printf "f %m %U:%G %s %p\0" -o -printf "%y %m %U:%G %p//%l\0" \) )"
                     R"(2>/dev/null; :; }} | sort -z | sha256sum >.{1})",
                     stored_files, tree_digest_file);
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
    if (dot == std::string::npos || words.size() != 4) continue;
    const auto path = fields[i].substr(dot + 2);
    const auto digest = digest_of_path.find(path);
    if (words[0] == "l") links.insert(path);
    if (words[0] == "l") found[path] = "link " + fields[i + 1];
    if (words[0] == "f")
      found[path] = fmt::format("{:0>4} {} {}", words[1], words[2],
                                digest != digest_of_path.end() ? digest->second
                                : is_hashed(words[3])          ? "unreadable"
                                                               : words[3] + " bytes");
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
  return fmt::format(
      "for pass in 1 2 3 4 5 6 7 8 9; do found=; for p in /proc/[0-9]*; do [ $p/root -ef {} ] && kill -9 ${{p#/proc/}} "
      "&& found=1; done; [ \"$found\" ] || break; done; true",
      sysroot);
}

}  // namespace bake::guest
