#include "bake/guest/os_release.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

/// A shell word in the format of os-release(5): one quoted or plain string, backslash escapes in double quotes.
std::string unquote(std::string_view value) {
  value = trim(value);
  const char quote = !value.empty() && (value.front() == '"' || value.front() == '\'') ? value.front() : '\0';
  if (quote != '\0') value.remove_prefix(1);
  std::string plain;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (quote != '\0' && c == quote) break;
    if (quote == '\0' && (c == ' ' || c == '\t' || c == '#')) break;
    if (c == '\\' && quote != '\'' && i + 1 < value.size())
      plain += value[++i];
    else
      plain += c;
  }
  return plain;
}

std::map<std::string, std::string> os_release_of(Guest& guest) {
  for (const auto* path : {"/etc/os-release", "/usr/lib/os-release"})
    if (const auto text = guest.read(path)) return parse_assignments(*text);
  throw Error(ErrorKind::failed, "reading '/etc/os-release' in the guest: there is no such file",
              "bake needs to know the operating system of the image");
}

std::string_view take_number(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto number = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(number.size());
  return number;
}

/// ELF e_machine, with the names of uname -m.
std::string machine_name(unsigned machine) {
  switch (machine) {
    case 3:
      return "i686";
    case 21:
      return "ppc64le";
    case 22:
      return "s390x";
    case 40:
      return "armv7l";
    case 62:
      return "x86_64";
    case 183:
      return "aarch64";
    case 243:
      return "riscv64";
    default:
      return fmt::format("unknown (ELF machine {})", machine);
  }
}

std::optional<unsigned> elf_machine(std::string_view file) {
  constexpr std::size_t machine_at = 18;
  if (file.size() < machine_at + 2 || !file.starts_with("\177ELF")) return std::nullopt;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(file[at])); };
  const bool big_endian = byte(5) == 2;
  return big_endian ? byte(machine_at) * 256 + byte(machine_at + 1) : byte(machine_at + 1) * 256 + byte(machine_at);
}

}  // namespace

std::map<std::string, std::string> parse_assignments(std::string_view text) {
  std::map<std::string, std::string> values;
  for (const auto line : each_line(text)) {
    const auto assignment = trim(line);
    const auto equals = assignment.find('=');
    if (assignment.starts_with('#') || equals == std::string_view::npos || equals == 0) continue;
    values[std::string(trim(assignment.substr(0, equals)))] = unquote(assignment.substr(equals + 1));
  }
  return values;
}

std::optional<std::string> minor_release(std::string_view release_text) {
  constexpr std::string_view word = "release ";
  const auto at = release_text.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  auto rest = release_text.substr(at + word.size());
  const auto major = take_number(rest);
  if (major.empty() || !rest.starts_with('.')) return std::nullopt;
  rest.remove_prefix(1);
  const auto minor = take_number(rest);
  if (minor.empty()) return std::nullopt;
  return fmt::format("{}.{}", major, minor);
}

OsRelease read_os_release(Guest& guest) {
  auto values = os_release_of(guest);
  OsRelease os{to_lower(values["ID"]), values["VERSION_ID"], values["PRETTY_NAME"]};
  if (os.id.empty())
    throw Error(ErrorKind::failed, "reading '/etc/os-release' in the guest: it has no ID",
                "bake needs to know the operating system of the image");
  if (os.version.find('.') != std::string::npos) return os;
  for (const auto* path : {"/etc/centos-release", "/etc/redhat-release", "/etc/system-release"}) {
    const auto text = guest.read(path);
    const auto version = text ? minor_release(*text) : std::nullopt;
    const bool agrees = version && (os.version.empty() || version->starts_with(os.version + "."));
    if (agrees) {
      os.version = *version;
      break;
    }
  }
  return os;
}

Family find_family(Guest& guest) {
  auto values = os_release_of(guest);
  const auto words = split_words(to_lower(values["ID"] + " " + values["ID_LIKE"]));
  const auto names = [&](std::string_view name) { return std::find(words.begin(), words.end(), name) != words.end(); };
  if (names("debian") || names("ubuntu")) return Family::deb;
  for (const auto* name :
       {"rhel", "centos", "fedora", "almalinux", "rocky", "ol", "azurelinux", "mariner", "suse", "sles"})
    if (names(name)) return Family::rpm;
  if (guest.exists("/var/lib/dpkg/status")) return Family::deb;
  if (guest.exists("/var/lib/rpm") || guest.exists("/usr/lib/sysimage/rpm")) return Family::rpm;
  throw Error(ErrorKind::incompatible,
              fmt::format("looking for the package manager of '{}': neither rpm nor dpkg has a database", values["ID"]),
              "bake works on distributions with rpm or dpkg");
}

std::string find_architecture(Guest& guest) {
  // One program may do the work of all, and then has 10 MiB and more.
  constexpr std::size_t max_program = std::size_t{64} << 20U;
  for (const auto* path : {"/bin/true", "/usr/bin/true", "/bin/sh"})
    if (const auto file = guest.read(path, max_program))
      if (const auto machine = elf_machine(*file)) return machine_name(*machine);
  return "unknown";
}

}  // namespace bake::guest
