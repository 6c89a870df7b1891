#include "bake/verify/privileges.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "bake/base/digest.hpp"
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
using States = std::map<std::string, std::string>;

constexpr const char* keys_rule = "authorized keys";
constexpr const char* accounts_rule = "accounts";

/// A kind of files that give rights to any user who runs them, and the words for it.
struct Kind {
  const char* rule;
  const char* files;
  const char* each;
  const char* remedy;
};

constexpr Kind setuid_kind{"setuid files", "setuid and setgid files", "setuid or setgid",
                           "remove the file, or its setuid and setgid bits: chmod ug-s"};
constexpr Kind capabilities_kind{"file capabilities", "files with capabilities", "with capabilities",
                                 "remove the file, or its capabilities: setcap -r"};

// ---- what is in the guest

/// Calls `use` with each line of passwd or shadow, without blanks before the name, which the reader of glibc
/// (nss/nss_files) skips too, and without those of NIS ("+::::::").
template <class Use>
void each_account(const std::string& text, Use use) {
  for (const auto line : each_line(text)) {
    const auto account = trim(line);
    if (!account.empty() && std::string_view("#+-:").find(account[0]) == std::string_view::npos &&
        piece_of(account, ':', 1))
      use(account);
  }
}

/// Returns whether glibc reads the field as the number 0: it accepts blanks and a sign (strtoul(3)).
bool is_zero(std::string_view field) {
  field = trim(field);
  if (field.starts_with('+') || field.starts_with('-')) field.remove_prefix(1);
  return !field.empty() && field.find_first_not_of('0') == std::string_view::npos;
}

/// Adds the name of an account to `names`, with a limit, because the manifest lists them.
void add_name(std::string_view account, const char* what, std::set<std::string>& names) {
  constexpr std::size_t max_names = 1000;
  names.insert(printable(*piece_of(account, ':', 0)));
  if (names.size() > max_names)
    throw Error(ErrorKind::failed,
                fmt::format("reading '/etc/passwd' in the guest: more than {} accounts have {}", max_names, what));
}

void find_accounts(const std::string& passwd, const std::string& shadow, Privileges& found) {
  std::set<std::string> root_accounts;
  std::set<std::string> open_accounts;
  each_account(passwd, [&](std::string_view account) {
    if (is_zero(piece_of(account, ':', 2).value_or("")) && *piece_of(account, ':', 0) != "root")
      add_name(account, "the user id 0", root_accounts);
    if (piece_of(account, ':', 1)->empty()) add_name(account, "an empty password", open_accounts);
  });
  each_account(shadow, [&](std::string_view account) {
    if (piece_of(account, ':', 1)->empty()) add_name(account, "an empty password", open_accounts);
  });
  found.root_accounts.assign(root_accounts.begin(), root_accounts.end());
  found.open_accounts.assign(open_accounts.begin(), open_accounts.end());
}

/// Returns the files in which sshd looks for keys, without a change of its configuration (sshd_config(5),
/// AuthorizedKeysFile), and that have a content.
States find_keys(Guest& guest, const std::string& passwd) {
  std::set<std::string> homes;
  each_account(passwd, [&](std::string_view account) {
    const auto home = piece_of(account, ':', 5).value_or("");
    if (home.find('\0') == std::string_view::npos) homes.emplace(home.starts_with('/') ? home : "/");
  });
  States keys;
  for (const auto& home : homes) {
    const auto directory = guest::join_path(home, ".ssh");
    if (!guest.exists(directory)) continue;
    for (const std::string name : {"authorized_keys", "authorized_keys2"}) {
      const auto path = guest::join_path(directory, name);
      if (const auto content = guest.read(path).value_or(""); !content.empty())
        keys[printable(path)] = digest_of(content);
    }
  }
  return keys;
}

/// A manifest can only contain UTF-8.
States printable_states(const States& states) {
  States result;
  for (const auto& [path, state] : states) result[printable(path)] = state;
  return result;
}

// ---- comparisons

/// Returns whether a state is the recorded one; older manifests record only the digest.
bool is_same(const std::string& recorded, const std::string& state) {
  return state == recorded || (recorded.find(' ') == std::string::npos && state.ends_with(" " + recorded));
}

/// Returns the files of `found` that `known` lacks, or has in another state.
std::vector<std::string> changed_files(const States& found, const States& known) {
  std::vector<std::string> changed;
  for (const auto& [path, state] : found)
    if (const auto recorded = known.find(path); recorded == known.end() || !is_same(recorded->second, state))
      changed.push_back(path);
  return changed;
}

std::string names(const std::vector<std::string>& paths) {
  Samples samples;
  for (const auto& path : paths) samples.add(path);
  return samples.text();
}

/// Says how the files differ from those of the finished image; empty when they do not.
std::string differences(const States& found, const States& image) {
  Samples added;
  Samples changed;
  Samples missing;
  for (const auto& path : changed_files(found, image)) (image.contains(path) ? changed : added).add(path);
  for (const auto& [path, state] : image)
    if (!found.contains(path)) missing.add(path);
  std::vector<std::string> texts;
  if (!added.empty()) texts.push_back("new: " + added.text());
  if (!changed.empty()) texts.push_back("changed: " + changed.text());
  if (!missing.empty()) texts.push_back("missing: " + missing.text());
  return join(texts, "; ");
}

/// Returns the names that the base had and that the finished image still had, if that is recorded.
std::vector<std::string> known_names(const Expectations& expected, std::vector<std::string> Privileges::*list) {
  if (!expected.base_privileges) return {};
  auto known = *expected.base_privileges.*list;
  if (!expected.privileges) return known;
  const auto& image = *expected.privileges.*list;
  std::erase_if(known, [&](const auto& name) { return std::find(image.begin(), image.end(), name) == image.end(); });
  return known;
}

std::vector<std::string> without(std::vector<std::string> found, const std::vector<std::string>& known) {
  std::erase_if(found, [&](const auto& name) { return std::find(known.begin(), known.end(), name) != known.end(); });
  return found;
}

Samples account_problems(const std::vector<std::string>& root_accounts, const std::vector<std::string>& open_accounts) {
  Samples problems;
  for (const auto& name : root_accounts) problems.add(name + " has the user id 0");
  for (const auto& name : open_accounts) problems.add(name + " has an empty password");
  return problems;
}

Check check_accounts(Guest& guest, const Expectations& expected, const Privileges& found) {
  if (!guest.exists("/etc/passwd")) return skipped(accounts_rule, "there is no /etc/passwd");
  const auto known = account_problems(found.root_accounts, found.open_accounts);
  if (known.empty()) return {accounts_rule, true, "only root has the user id 0; no account has an empty password"};
  const auto added = account_problems(without(found.root_accounts, known_names(expected, &Privileges::root_accounts)),
                                      without(found.open_accounts, known_names(expected, &Privileges::open_accounts)));
  Check check(accounts_rule, false, (added.empty() ? known : added).text("; "));
  check.level = added.empty() ? Level::advice : Level::required;
  check.remedy = added.empty() ? "delete the account in the base, or lock it: passwd -l"
                               : "delete the account, or lock it: passwd -l";
  return check;
}

/// Returns the owning package of each of `paths` that has one, from the guest's package database. With a merged /usr,
/// a package of dpkg may list /usr/bin/su as /bin/su.
States owners_of(Guest& guest, guest::Family family, const std::vector<std::string>& paths) {
  const auto* query = family == guest::Family::rpm ? "rpm -qf --qf '%{NAME}\\n' \"$file\""
                                                   : "dpkg -S \"$file\" || dpkg -S \"${file#/usr}\"";
  const auto result =
      guest.shell(fmt::format("for file in {}; do\n"
                              "  owner=$({{ {}; }} 2>/dev/null) || owner=\n"
                              "  owner=$(echo \"$owner\" | sed '/^\\(local \\)*diversion /d' | head -n 1)\n"
                              "  [ -z \"$owner\" ] || echo \"${{owner%%:*}} $file\"\n"
                              "done\n:\n",
                              guest::quoted(paths), query));
  States owners;
  const std::set<std::string, std::less<>> asked(paths.begin(), paths.end());
  for (const auto line : each_line(result.output))
    if (const auto blank = line.find(' '); blank != std::string_view::npos && asked.contains(line.substr(blank + 1)))
      owners[std::string(line.substr(blank + 1))] = line.substr(0, blank);
  return owners;
}

Check failure(const Kind& kind, std::string evidence, Level level = Level::required) {
  Check check(kind.rule, false, std::move(evidence));
  check.level = level;
  check.remedy = kind.remedy;
  return check;
}

/// Compares the files with those of the finished image, then with those of the base. Without a record of the base, a
/// file that no package owns is advice.
Check check_files(Guest& guest, const Expectations& expected, const Kind& kind, const States& found,
                  const std::optional<States>& base, const std::optional<States>& image) {
  if (image)
    if (const auto text = differences(found, *image); !text.empty())
      return failure(kind, "not the files that the finished image had: " + text);
  auto suspects = changed_files(found, base.value_or(States{}));
  std::vector<std::string> injected;
  const auto owners = suspects.empty() ? States{} : owners_of(guest, expected.family, suspects);
  std::erase_if(suspects, [&](const auto& path) {
    const auto owner = owners.find(path);
    if (owner == owners.end()) return false;
    const bool ours = std::any_of(expected.packages.begin(), expected.packages.end(),
                                  [&](const auto& package) { return package.name == owner->second; });
    if (ours) injected.push_back(path);
    return ours || !base;
  });
  if (!suspects.empty() && !base)
    return failure(kind, fmt::format("{}, and no package owns them: {}", kind.each, names(suspects)), Level::advice);
  if (!suspects.empty())
    return failure(kind, fmt::format("{}, and neither the base nor a package of the bake has them: {}", kind.each,
                                     names(suspects)));
  return {kind.rule, true,
          fmt::format("{} {}, each {}{}{}", found.size(), kind.files,
                      base ? "as in the base or from a package of the bake" : "owned by a package",
                      injected.empty() ? "" : "; of the bake: " + names(injected),
                      image ? "; the same as in the finished image" : "")};
}

Check check_capabilities(Guest& guest, const Expectations& expected, const Privileges& found) {
  const auto base = expected.base_privileges ? expected.base_privileges->capabilities : std::nullopt;
  if (!base) return skipped(capabilities_kind.rule, "the manifest does not list those of the base");
  if (!found.capabilities) return skipped(capabilities_kind.rule, "the appliance has no program that reads them");
  return check_files(guest, expected, capabilities_kind, *found.capabilities, base,
                     expected.privileges ? expected.privileges->capabilities : std::nullopt);
}

Check check_keys(const Expectations& expected, const Privileges& found) {
  if (!expected.base_privileges)
    return skipped(keys_rule, "the manifest does not list those of the base; 'ssh keys' lists those of the image");
  auto known = expected.base_privileges->authorized_keys;
  for (const auto& [name, keys] : expected.customized.users)
    if (!keys.empty()) known[plan::ImageUser{name, {}, {}, {}}.keys_file()] = keys;
  const auto changed = changed_files(found.authorized_keys, known);
  std::string evidence = changed.empty() ? "" : "the base does not have these keys: " + names(changed);
  if (evidence.empty() && expected.privileges)
    if (const auto text = differences(found.authorized_keys, expected.privileges->authorized_keys); !text.empty())
      evidence = "not the keys that the finished image had: " + text;
  if (evidence.empty())
    return {keys_rule, true,
            found.authorized_keys.empty()       ? "no account has an authorized key"
            : expected.customized.users.empty() ? "the same keys as in the base"
                                                : "the keys of the base, and those that the recipe gives to its users"};
  Check check(keys_rule, false, evidence);
  check.remedy = "remove the file";
  return check;
}

}  // namespace

Privileges find_privileges(Guest& guest) {
  const auto passwd = guest.read("/etc/passwd").value_or("");
  Privileges found;
  find_accounts(passwd, guest.read("/etc/shadow").value_or(""), found);
  found.authorized_keys = find_keys(guest, passwd);
  const auto files = guest.privileged_files();
  found.setuid = printable_states(files.setuid);
  if (files.capabilities) found.capabilities = printable_states(*files.capabilities);
  return found;
}

std::vector<Check> verify_privileges(Guest& guest, const Expectations& expected, const Privileges& found) {
  const auto base = expected.base_privileges ? std::optional(expected.base_privileges->setuid) : std::nullopt;
  const auto image = expected.privileges ? std::optional(expected.privileges->setuid) : std::nullopt;
  return {check_accounts(guest, expected, found), check_files(guest, expected, setuid_kind, found.setuid, base, image),
          check_capabilities(guest, expected, found), check_keys(expected, found)};
}

}  // namespace bake::verify
