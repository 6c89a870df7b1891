#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/guest/machine_text.hpp"
#include "bake/inspect/machine.hpp"
#include "bake/verify/guest.hpp"

namespace bake::verify {
namespace {

using guest::Guest;
using guest::MachineFacts;
using plan::Expectations;

/// What is removed and what of it is left.
struct Traces {
  std::vector<std::string> gone;  ///< "SSH host keys"
  std::vector<std::string> left;  ///< "/root/.ssh (SSH keys of root)"

  void add(const std::string& what, const std::vector<std::string>& paths) {
    if (paths.empty()) gone.push_back(what);
    for (const auto& path : paths) left.push_back(fmt::format("{} ({})", path, what));
  }
};

std::vector<std::string> files_of_bake(Guest& guest) {
  std::vector<std::string> found;
  for (const auto& name : guest.list("/"))
    if (name.starts_with(".bake-")) found.push_back("/" + name);
  // Programs that were put aside while packages changed.
  for (const std::string directory : {"/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    if (guest.read_link(directory)) continue;
    for (const auto& name : guest.list(directory))
      if (name.ends_with(".bake-aside")) found.push_back(directory + "/" + name);
  }
  if (const auto policy = guest.read("/usr/sbin/policy-rc.d"); policy && policy->find("# bake\n") != std::string::npos)
    found.emplace_back("/usr/sbin/policy-rc.d");
  return found;
}

/// A removed user leaves no account and no file; and no other user of the machine is there.
void check_users(Guest& guest, const MachineFacts& machine, const Expectations& expected, Traces& traces) {
  for (const auto& user : expected.removed_users) {
    std::vector<std::string> left;
    for (const auto& account : machine.accounts)
      if (account.name == user.name) left.emplace_back("/etc/passwd");
    for (const auto& path : guest::paths_of(user))
      if (guest.stat(path)) left.push_back(path);
    traces.add("user " + user.name, left);
  }
  std::vector<std::string> others;
  for (const auto& user : machine.users) others.push_back(user.account.name);
  traces.add("other provisioned users", others);
}

/// Checks the files that lose lines. The files of `machine` are those that still have some.
void check_files(Guest& guest, const MachineFacts& machine, const Expectations& expected, Traces& traces) {
  for (const auto* what : {"root password", "host name", "MAC address", "MAC address or host name", "DNS servers"}) {
    std::vector<std::string> left;
    for (const auto& file : machine.files)
      if (file.what == what) left.push_back(file.path);
    if (std::string_view(what) == "host name") {
      const auto hosts = guest.read("/etc/hosts").value_or("");
      if (guest::without_machine("/etc/hosts", hosts, expected.removed_host_name) != hosts)
        left.emplace_back("/etc/hosts");
    }
    traces.add(what, left);
  }
}

void check_data(Guest& guest, const MachineFacts& machine, Traces& traces) {
  for (const auto& kind : guest::machine_data_kinds()) {
    std::vector<std::string> left;
    for (const auto& data : machine.data)
      if (data.kind == kind.name) left = data.paths;
    traces.add(kind.name, left);
  }
  constexpr std::size_t max_said = std::size_t{128} << 10U;
  const auto logs = guest.shell("find /var/log/ -type f -size +0 2>/dev/null | head -n 20; :\n").output;
  traces.add("logs", split_lines(std::string_view(logs).substr(0, max_said)));
}

std::vector<std::string> new_private_keys(const guest::Facts& facts, const Expectations& expected) {
  std::vector<std::string> found;
  for (const auto& key : facts.private_keys)
    if (std::find(expected.private_keys.begin(), expected.private_keys.end(), key) == expected.private_keys.end())
      found.push_back(key);
  return found;
}

}  // namespace

Check verify_traces(Guest& guest, const guest::Facts& facts, const Expectations& expected) {
  Traces traces;
  traces.add("temporary file of the bake", files_of_bake(guest));
  traces.add("private key that the base did not have", new_private_keys(facts, expected));
  if (expected.generalized) {
    check_users(guest, facts.machine, expected, traces);
    check_files(guest, facts.machine, expected, traces);
    check_data(guest, facts.machine, traces);
  }
  if (!traces.left.empty()) return {"traces", false, "left: " + join(traces.left, ", ")};
  const std::string note = expected.generalized ? "" : "; the bake did not generalize the image";
  return {"traces", true, "none of these is left: " + join(traces.gone, ", ") + note};
}

}  // namespace bake::verify
