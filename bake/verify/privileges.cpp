#include "bake/verify/privileges.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"
#include "bake/guest/shell.hpp"

namespace bake::verify {
namespace {

using guest::Guest;
using plan::Expectations;
using plan::Privileges;

constexpr const char* setuid_rule = "setuid files";
constexpr const char* keys_rule = "authorized keys";
constexpr const char* accounts_rule = "accounts";

/// The lines of passwd and shadow as their fields, without blanks before the name, which the reader of glibc
/// (nss/nss_files) skips too, and without those of NIS ("+::::::").
std::vector<std::vector<std::string>> account_lines(Guest& guest, const std::string& path) {
  std::vector<std::vector<std::string>> lines;
  for (const auto& line : split_lines(guest.read(path).value_or(""))) {
    auto fields = split(trim(line), ':');
    if (fields.size() >= 2 && !fields[0].empty() &&
        std::string_view("#+-").find(fields[0][0]) == std::string_view::npos)
      lines.push_back(std::move(fields));
  }
  return lines;
}

/// Returns whether glibc reads the field as the number 0: it accepts blanks and a sign (strtoul(3)).
bool is_zero(std::string_view field) {
  field = trim(field);
  if (field.starts_with('+') || field.starts_with('-')) field.remove_prefix(1);
  return !field.empty() && field.find_first_not_of('0') == std::string_view::npos;
}

void find_accounts(Guest& guest, Privileges& found) {
  std::set<std::string> root_accounts;
  std::set<std::string> open_accounts;
  for (const auto& fields : account_lines(guest, "/etc/passwd")) {
    if (fields.size() > 2 && fields[0] != "root" && is_zero(fields[2])) root_accounts.insert(printable(fields[0]));
    if (fields[1].empty()) open_accounts.insert(printable(fields[0]));
  }
  for (const auto& fields : account_lines(guest, "/etc/shadow"))
    if (fields[1].empty()) open_accounts.insert(printable(fields[0]));
  found.root_accounts.assign(root_accounts.begin(), root_accounts.end());
  found.open_accounts.assign(open_accounts.begin(), open_accounts.end());
}

/// The files in which sshd looks for keys, without a change of its configuration (sshd_config(5), AuthorizedKeysFile).
std::vector<std::string> key_files(Guest& guest) {
  std::set<std::string> files;
  for (const auto& fields : account_lines(guest, "/etc/passwd")) {
    const auto home = fields.size() > 5 && fields[5].starts_with('/') ? fields[5] : std::string("/");
    if (home.find('\0') != std::string::npos) continue;
    for (const std::string name : {".ssh/authorized_keys", ".ssh/authorized_keys2"})
      files.insert(guest::join_path(home, name));
  }
  return {files.begin(), files.end()};
}

/// Prints "== setuid", then "SHA256  PATH" for each setuid and setgid file, and the same for the key files that have a
/// content after "== keys".
std::string search_script(const std::vector<std::string>& key_files) {
  return fmt::format(
      "echo '== setuid'\n"
      "find / \\( -path /proc -o -path /sys -o -path /dev -o -path /run \\) -prune -o "
      "-type f -perm /6000 -exec sha256sum {{}} + || exit 1\n"
      "echo '== keys'\n"
      "for file in {}; do\n"
      "  [ ! -f \"$file\" ] || [ ! -s \"$file\" ] || sha256sum \"$file\" || exit 1\n"
      "done\n",
      guest::quoted(key_files));
}

/// Reads lines of sha256sum(1). A line begins with a backslash when the name has an escaped character. Names become
/// printable, because a manifest can only contain UTF-8.
void read_search(const std::string& output, Privileges& found) {
  auto* files = &found.setuid;
  for (auto line : split_lines(output)) {
    if (line == "== setuid") files = &found.setuid;
    if (line == "== keys") files = &found.authorized_keys;
    if (line.starts_with('\\')) line.erase(0, 1);
    if (line.size() > 66 && line[64] == ' ' && line[66] == '/')
      (*files)[printable(line.substr(66))] = line.substr(0, 64);
  }
}

/// Searches the files of `found`; returns why that failed, or an empty string.
std::string find_files(Guest& guest, Privileges& found) {
  const auto result = guest.shell(search_script(key_files(guest)));
  if (!result.ok()) return fmt::format("exit status {}: {}", result.status, last_lines(result.output));
  read_search(result.output, found);
  return {};
}

std::vector<std::string> without(std::vector<std::string> found, const std::vector<std::string>& known) {
  std::erase_if(found, [&](const auto& name) { return std::find(known.begin(), known.end(), name) != known.end(); });
  return found;
}

std::vector<std::string> account_problems(const std::vector<std::string>& root_accounts,
                                          const std::vector<std::string>& open_accounts) {
  std::vector<std::string> problems;
  for (const auto& name : root_accounts) problems.push_back(name + " has the user id 0");
  for (const auto& name : open_accounts) problems.push_back(name + " has an empty password");
  return problems;
}

Check check_accounts(Guest& guest, const Privileges& found, const Privileges& base) {
  if (!guest.exists("/etc/passwd")) return skipped(accounts_rule, "there is no /etc/passwd");
  const auto known = account_problems(found.root_accounts, found.open_accounts);
  if (known.empty()) return {accounts_rule, true, "only root has the user id 0; no account has an empty password"};
  const auto added = account_problems(without(found.root_accounts, base.root_accounts),
                                      without(found.open_accounts, base.open_accounts));
  Check check(accounts_rule, false, join(added.empty() ? known : added, "; "));
  check.level = added.empty() ? Level::advice : Level::required;
  check.remedy = added.empty() ? "delete the account in the base, or lock it: passwd -l"
                               : "delete the account, or lock it: passwd -l";
  return check;
}

/// Returns the owning package of each of `paths` that has one, from the guest's package database. With a merged /usr,
/// a package of dpkg may list /usr/bin/su as /bin/su.
std::map<std::string, std::string> owners_of(Guest& guest, guest::Family family,
                                             const std::vector<std::string>& paths) {
  const auto* query = family == guest::Family::rpm ? "rpm -qf --qf '%{NAME}\\n' \"$file\""
                                                   : "dpkg -S \"$file\" || dpkg -S \"${file#/usr}\"";
  const auto result =
      guest.shell(fmt::format("for file in {}; do\n"
                              "  owner=$({{ {}; }} 2>/dev/null) || owner=\n"
                              "  owner=$(echo \"$owner\" | sed '/^\\(local \\)*diversion /d' | head -n 1)\n"
                              "  [ -z \"$owner\" ] || echo \"${{owner%%:*}} $file\"\n"
                              "done\n:\n",
                              guest::quoted(paths), query));
  std::map<std::string, std::string> owners;
  for (const auto& line : split_lines(result.output))
    if (const auto blank = line.find(' '); blank != std::string::npos)
      owners[line.substr(blank + 1)] = line.substr(0, blank);
  return owners;
}

/// The setuid files that the base has not, or has with another content.
std::vector<std::string> changed_files(const std::map<std::string, std::string>& found,
                                       const std::map<std::string, std::string>& base) {
  std::vector<std::string> changed;
  for (const auto& [path, digest] : found)
    if (const auto known = base.find(path); known == base.end() || known->second != digest) changed.push_back(path);
  return changed;
}

Check setuid_failure(const std::vector<std::string>& paths, const std::string& why, Level level) {
  Check check(setuid_rule, false, fmt::format("{}: {}", why, join(paths, ", ")));
  check.level = level;
  check.remedy = "remove the file, or its setuid and setgid bits: chmod ug-s";
  return check;
}

Check check_setuid(Guest& guest, const Expectations& expected, const Privileges& found) {
  std::vector<std::string> suspects =
      changed_files(found.setuid, expected.base_privileges.value_or(Privileges{}).setuid);
  std::vector<std::string> injected;
  const auto owners =
      suspects.empty() ? std::map<std::string, std::string>{} : owners_of(guest, expected.family, suspects);
  std::erase_if(suspects, [&](const auto& path) {
    const auto owner = owners.find(path);
    if (owner == owners.end()) return false;
    const bool ours = std::any_of(expected.packages.begin(), expected.packages.end(),
                                  [&](const auto& package) { return package.name == owner->second; });
    if (ours) injected.push_back(path);
    return ours || !expected.base_privileges;
  });
  if (!suspects.empty() && !expected.base_privileges)
    return setuid_failure(suspects, "setuid or setgid, and no package owns them", Level::advice);
  if (!suspects.empty())
    return setuid_failure(suspects, "setuid or setgid, and neither the base nor a package of the bake has them",
                          Level::required);
  return {setuid_rule, true,
          fmt::format("{} setuid and setgid files, each {}{}", found.setuid.size(),
                      expected.base_privileges ? "as in the base or from a package of the bake" : "owned by a package",
                      injected.empty() ? "" : "; of the bake: " + join(injected, ", "))};
}

Check check_keys(const Expectations& expected, const Privileges& found) {
  if (!expected.base_privileges)
    return skipped(keys_rule, "the manifest does not list those of the base; 'ssh keys' lists those of the image");
  const auto changed = changed_files(found.authorized_keys, expected.base_privileges->authorized_keys);
  if (changed.empty())
    return {keys_rule, true,
            found.authorized_keys.empty() ? "no account has an authorized key" : "the same keys as in the base"};
  Check check(keys_rule, false, "the base does not have these keys: " + join(changed, ", "));
  check.remedy = "remove the file";
  return check;
}

}  // namespace

Privileges find_privileges(Guest& guest) {
  Privileges found;
  find_accounts(guest, found);
  if (const auto trouble = find_files(guest, found); !trouble.empty())
    throw Error(ErrorKind::failed, "searching the guest for setuid files: " + trouble,
                "-v shows the whole output, --log FILE keeps it");
  return found;
}

std::vector<Check> verify_privileges(Guest& guest, const Expectations& expected) {
  Privileges found;
  find_accounts(guest, found);
  const auto trouble = find_files(guest, found);
  const auto accounts = check_accounts(guest, found, expected.base_privileges.value_or(Privileges{}));
  if (!trouble.empty())
    return {accounts, {setuid_rule, false, "the search failed: " + trouble}, skipped(keys_rule, "the search failed")};
  return {accounts, check_setuid(guest, expected, found), check_keys(expected, found)};
}

}  // namespace bake::verify
