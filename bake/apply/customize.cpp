#include <fmt/format.h>

#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/config_text.hpp"
#include "bake/guest/shell.hpp"

namespace bake::apply {
namespace {

constexpr const char* script_directory = "/var/tmp/.bake-run";

/// Puts the files in their places with one command for all owners: uploads belong to root.
void put_files(const plan::Customization& customization, guest::Guest& guest) {
  std::string owners;
  for (const auto& file : customization.files) {
    const auto found = guest.stat(file.path);
    if (found && found->type == guest::FileType::directory)
      throw Error(ErrorKind::failed, fmt::format("writing '{}': the guest has a directory there", file.path));
    if (found) guest.remove(file.path);  // a link would lead elsewhere
    guest.upload(file.source, file.path, file.mode);
    guest.set_mode(file.path, file.mode);
    if (file.uid != 0 || file.gid != 0)
      owners += fmt::format("chown -h {}:{} {}\n", file.uid, file.gid, shell_quote(file.path));
  }
  if (!owners.empty()) guest::run(guest, "setting the owners of files", "set -e\n" + owners);
}

void add_lines(const plan::Customization& customization, guest::Guest& guest) {
  for (const auto& [path, line] : customization.lines) {
    const auto text = guest.read(path, guest::config_limit).value_or("");
    if (const auto changed = guest::with_line(text, line); changed != text) write_config_file(guest, path, changed);
  }
}

/// Adds an account with the guest's own useradd. It is locked: useradd writes "!" for the password (useradd(8)).
void add_user(const plan::ImageUser& user, guest::Guest& guest) {
  guest::run(guest, fmt::format("adding user '{}'", user.name),
             fmt::format("useradd --create-home --home-dir {} --shell {} --user-group{} {}\n", shell_quote(user.home()),
                         shell_quote(user.shell),
                         user.groups.empty() ? "" : " --groups " + shell_quote(join(user.groups, ",")),
                         shell_quote(user.name)));
  if (user.authorized_keys.empty()) return;
  guest.make_directories(user.home() + "/.ssh", 0700);
  guest.write(user.keys_file(), user.authorized_keys, 0600);
  guest::run(guest, fmt::format("setting the owner of the keys of '{}'", user.name),
             fmt::format("chown -R {0}:{0} {1}/.ssh\n", shell_quote(user.name), shell_quote(user.home())));
}

}  // namespace

void customize(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  const auto& customization = plan.customization;
  if (customization.empty()) return;
  progress.step("customize");
  put_files(customization, guest);
  add_lines(customization, guest);
  for (const auto& user : customization.users) add_user(user, guest);
}

void mask_services(const plan::Plan& plan, guest::Guest& guest) {
  for (const auto& unit : plan.customization.mask) guest.make_link("/dev/null", "/etc/systemd/system/" + unit);
}

void run_scripts(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  std::size_t number = 0;
  for (const auto& script : plan.customization.run) {
    progress.step(fmt::format("run {}", script.name));
    const auto path = fmt::format("{}/{}-{}", script_directory, ++number, script.name);
    guest.upload(script.source, path, 0700);
    guest.set_mode(path, 0700);
    const auto output =
        guest::run(guest, fmt::format("running script '{}' in the guest", script.name), shell_quote(path) + " 2>&1\n");
    for (const auto line : each_line(output)) progress.detail(line);
  }
  guest.remove(script_directory);
}

}  // namespace bake::apply
