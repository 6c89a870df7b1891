#include <fmt/format.h>

#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
#include "bake/guest/machine_text.hpp"
#include "bake/guest/shell.hpp"
#include "bake/inspect/machine.hpp"

namespace bake::apply {
namespace {

/// Deletes the accounts with the guest's own userdel, as the agent does (WALinuxAgent,
/// azurelinuxagent/common/osutil/default.py, del_account). Without -r, because userdel -r fails after the deletion when
/// the home is missing; without -f, which deletes the user's group also when it is the primary group of another user.
void remove_users(const std::vector<guest::Account>& users, guest::Guest& guest) {
  for (const auto& user : users) {
    guest::run(guest, fmt::format("removing user '{}'", user.name),
               fmt::format("userdel {} 2>&1\n", guest::quoted({user.name})));
    for (const auto& path : guest::paths_of(user)) guest.remove(path);
  }
}

void clean_files(const plan::Generalize& removal, guest::Guest& guest) {
  for (const auto& file : removal.files) {
    const auto text = guest.read(file.path);
    if (!text) continue;
    if (file.treatment == guest::MachineFile::Treatment::remove) {
      guest.remove(file.path);
      continue;
    }
    const auto edited = guest::without_machine(file.path, *text, removal.host_name);
    if (!edited)
      throw Error(ErrorKind::failed, fmt::format("generalizing '{}': the {} cannot be removed", file.path, file.what),
                  "a package of this bake changed the file; leave 'generalize' out of the recipe");
    if (*edited != *text) write_config_file(guest, file.path, *edited);
  }
}

void remove_data(guest::Guest& guest) {
  for (const auto& kind : guest::machine_data_kinds())
    for (const auto& path : guest::find_machine_data(guest, kind)) {
      if (kind.emptied)
        write_own_file(guest, path, "", 0444);
      else
        guest.remove(path);
    }
}

void empty_logs(guest::Guest& guest) {
  guest::run(
      guest, "emptying the logs",
      "set -e\n"
      "[ -d /var/log ] || exit 0\n"
      "find /var/log/ -type f \\( -name '*.gz' -o -name '*.xz' -o -name '*.[0-9]' -o -name '*-20[0-9][0-9]*' \\) "
      "-exec rm -f {} +\n"
      "find /var/log/ -type f -exec sh -c 'for f; do : > \"$f\"; done' sh {} +\n");
}

}  // namespace

void generalize(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  if (!plan.generalize) return;
  progress.step("generalize");
  remove_users(plan.removal.users, guest);
  clean_files(plan.removal, guest);
  remove_data(guest);
  empty_logs(guest);
}

}  // namespace bake::apply
