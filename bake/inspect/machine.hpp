#pragma once

#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// A kind of data that belongs to one machine, and where it is. docs/recipe.md lists the kinds with their sources.
struct MachineDataKind {
  const char* name;                   ///< "SSH host keys"
  std::vector<std::string> patterns;  ///< absolute paths; '*' matches a name or a part of it, also a hidden name
  bool emptied = false;               ///< the file stays, without content
};

/// Returns the kinds that are removed as whole files, in the order in which the plan lists them.
const std::vector<MachineDataKind>& machine_data_kinds();

/// Returns the existing paths of one kind, sorted. Leaves out masks, which are links to /dev/null and directories among
/// the udev rules (Microsoft's guides for images link /etc/udev/rules.d/75-persistent-net-generator.rules to
/// /dev/null), and lost+found.
std::vector<std::string> find_machine_data(Guest& guest, const MachineDataKind& kind);

/// Returns the paths that belong to an account and that userdel without -r leaves: home, mail, crontab, linger file.
std::vector<std::string> paths_of(const Account& account);

/// Returns what belongs to the machine on which the image was made. `facts` needs family, programs, layout and waagent.
MachineFacts find_machine(Guest& guest, const Facts& facts);

}  // namespace bake::guest
