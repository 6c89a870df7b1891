#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/facts.hpp"

namespace bake::guest {

/// Returns the accounts of the text of /etc/passwd; skips lines that are not accounts.
std::vector<Account> parse_accounts(std::string_view passwd);

/// Returns the account names of the rules in a file of /etc/sudoers.d; no groups, numbers, aliases and no root.
std::vector<std::string> users_of_sudoers(std::string_view text);

/// Returns the UserName of an ovf-env.xml, the document with which Azure provisions a VM, or an empty string
/// (WALinuxAgent, azurelinuxagent/common/protocol/ovfenv.py). The file on the disk has no password: the agent writes
/// "*REDACTED*" (azurelinuxagent/common/protocol/util.py).
std::string user_of_ovf(std::string_view xml);

/// Returns true for a name that is not the name of one machine: empty, localhost, localhost.localdomain.
bool is_generic_host_name(std::string_view name);

/// The keyfiles of NetworkManager. It requires the suffix .nmconnection in its other directories, not in this one
/// (NetworkManager, nm_keyfile_utils_ignore_filename()), and older versions write files without it.
inline constexpr const char* keyfile_directory = "/etc/NetworkManager/system-connections";

/// Returns the text of the configuration file `path` without what belongs to one machine, and the text itself when it
/// has no such part; an empty optional when bake cannot remove it. `host_name` is the name of the machine, or empty.
/// find_machine() (machine.hpp) lists the files.
std::optional<std::string> without_machine(const std::string& path, const std::string& text,
                                           const std::string& host_name);

/// Returns true when cloud-init's configuration says `network: {config: disabled}`.
bool disables_network(std::string_view cloud_config);

}  // namespace bake::guest
