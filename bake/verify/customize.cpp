#include <algorithm>
#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"
#include "bake/verify/guest.hpp"

namespace bake::verify {
namespace {

using guest::Guest;

void check_files(Guest& guest, const plan::CustomizedState& expected, Samples& faults) {
  std::vector<std::string> paths;
  for (const auto& [path, state] : expected.files)
    if (path.starts_with('/')) paths.push_back(path);
  const auto found = paths.empty() ? std::map<std::string, std::string>{} : guest.fingerprints(paths, {});
  for (const auto& [path, state] : expected.files)
    if (const auto file = found.find(path); file == found.end())
      faults.add(path + " is missing");
    else if (file->second != state)
      faults.add(path + " is not as the recipe has it");
}

void check_lines(Guest& guest, const plan::CustomizedState& expected, Samples& faults) {
  for (const auto& [path, digests] : expected.lines) {
    std::vector<std::string> found;
    const auto text = path.starts_with('/') ? guest.read(path).value_or("") : "";
    for (const auto line : each_line(text)) found.push_back(digest_of(trim(line)));
    for (const auto& digest : digests)
      if (std::find(found.begin(), found.end(), digest) == found.end())
        faults.add(path + " lacks a line of the recipe");
  }
}

/// Returns the fields of the line of `name` in passwd or shadow; empty if there is none.
std::vector<std::string> account_in(std::string_view text, const std::string& name) {
  for (const auto line : each_line(text))
    if (line.starts_with(name + ":")) {
      std::vector<std::string> fields;
      for (std::size_t i = 0; const auto field = piece_of(line, ':', i); ++i) fields.emplace_back(*field);
      return fields;
    }
  return {};
}

void check_users(Guest& guest, const plan::CustomizedState& expected, Samples& faults) {
  if (expected.users.empty()) return;
  const auto passwd = guest.read("/etc/passwd").value_or("");
  const auto shadow = guest.read("/etc/shadow").value_or("");
  constexpr std::size_t password = 1, home = 5;
  for (const auto& [name, keys] : expected.users) {
    const auto account = account_in(passwd, name);
    const auto secret = account_in(shadow, name);
    if (account.size() <= home) {
      faults.add(fmt::format("there is no account '{}'", name));
      continue;
    }
    if (secret.size() <= password || !(secret[password].starts_with('!') || secret[password].starts_with('*')))
      faults.add(fmt::format("the account '{}' is not locked", name));
    const plan::ImageUser user{name, {}, {}, {}};
    if (account[home] != user.home()) faults.add(fmt::format("the home of '{}' is not {}", name, user.home()));
    if (!keys.empty() && digest_of(guest.read(user.keys_file()).value_or("")) != keys)
      faults.add(user.keys_file() + " does not have the keys of the recipe");
  }
}

void check_masks(Guest& guest, const plan::CustomizedState& expected, Samples& faults) {
  for (const auto& unit : expected.masked)
    if (guest.read_link("/etc/systemd/system/" + unit) != "/dev/null") faults.add(unit + " is not masked");
}

}  // namespace

Check verify_customization(Guest& guest, const plan::Expectations& expected) {
  const auto& state = expected.customized;
  if (state.empty()) return skipped("customize", "the recipe has no customize");
  Samples faults;
  check_files(guest, state, faults);
  check_lines(guest, state, faults);
  check_users(guest, state, faults);
  check_masks(guest, state, faults);
  if (!faults.empty()) return {"customize", false, faults.text("; ")};
  const auto counted = [](std::size_t count, const char* what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  auto evidence = fmt::format("{}, {} and {} are as the recipe has them", counted(state.files.size(), "file"),
                              counted(state.lines.size(), "edited file"), counted(state.users.size(), "account"));
  if (!state.scripts.empty())
    evidence += fmt::format("; what {} changed is not checked, except by the other checks", join(state.scripts, ", "));
  return {"customize", true, evidence};
}

}  // namespace bake::verify
