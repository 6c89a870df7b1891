#include <fmt/format.h>

#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/config_text.hpp"
#include "bake/guest/path.hpp"
#include "bake/guest/shell.hpp"

namespace bake::apply {
namespace {

using guest::FileType;

constexpr const char* script_directory = "/var/tmp/.bake-run";
constexpr const char* first_boot_done = "/var/lib/bake/first-boot-done";

/// Throws Error{incompatible} if a directory above `path` is a link: the file would be elsewhere, perhaps in memory,
/// and a hostile base decides where.
void require_real_directories(const std::string& path, guest::Guest& guest) {
  std::string directory;
  auto components = guest::path_components(path);
  components.pop_back();
  for (const auto& component : components) {
    directory += "/" + component;
    const auto target = guest.read_link(directory);
    if (!target) continue;
    throw Error(ErrorKind::incompatible,
                fmt::format("writing '{}' of customize: {} is a link to '{}'", path, directory, printable(*target)),
                "write the real path in the recipe");
  }
}

/// Puts the files in their places with one command for all owners: uploads belong to root.
void put_files(const plan::Customization& customization, guest::Guest& guest) {
  std::string owners;
  for (const auto& file : customization.files) {
    require_real_directories(file.path, guest);
    const auto found = guest.stat(file.path);
    if (found && found->type == FileType::directory)
      throw Error(ErrorKind::incompatible,
                  fmt::format("writing '{}' of customize: the guest has a directory there", file.path));
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
    require_real_directories(path, guest);
    const auto text = guest.read(path, guest::config_limit).value_or("");
    if (const auto changed = guest::with_line(text, line); changed != text) write_config_file(guest, path, changed);
  }
}

/// Writes the keys of an account. /etc/skel of the base may have put links into its home.
void write_keys(const plan::ImageUser& user, guest::Guest& guest) {
  const auto directory = user.home() + "/.ssh";
  guest.remove(directory);
  guest.make_directories(directory, 0700);
  guest.set_mode(directory, 0700);
  write_own_file(guest, user.keys_file(), user.authorized_keys, 0600);
  guest::run(guest, fmt::format("setting the owner of the keys of '{}'", user.name),
             fmt::format("chown -hR {0}:{0} {1}\n", shell_quote(user.name), shell_quote(directory)));
}

/// Adds an account with the guest's own useradd. It is locked: useradd writes "!" for the password (useradd(8)). A home
/// that is there already would keep its owner and its files.
void add_user(const plan::ImageUser& user, guest::Guest& guest) {
  require_real_directories(user.home(), guest);
  if (guest.stat(user.home()))
    throw Error(ErrorKind::incompatible,
                fmt::format("adding user '{}': the base has {} already", user.name, user.home()),
                "choose another name, or remove the directory in the base");
  guest::run(guest, fmt::format("adding user '{}'", user.name),
             fmt::format("useradd --create-home --home-dir {} --shell {} --user-group{} {}\n", shell_quote(user.home()),
                         shell_quote(user.shell),
                         user.groups.empty() ? "" : " --groups " + shell_quote(join(user.groups, ",")),
                         shell_quote(user.name)));
  const auto home = guest.stat(user.home());
  if (!home || home->type != FileType::directory)
    throw Error(ErrorKind::failed,
                fmt::format("adding user '{}': useradd made no directory {}", user.name, user.home()));
  if (!user.authorized_keys.empty()) write_keys(user, guest);
}

}  // namespace

void customize(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  const auto& customization = plan.customization;
  if (customization.empty()) return;
  progress.step("customize");
  if (customization.has_first_boot) {  // of an image that was the base
    guest.remove(plan::first_boot_scripts);
    guest.remove(first_boot_done);
  }
  for (const auto& user : customization.users) add_user(user, guest);
  put_files(customization, guest);
  add_lines(customization, guest);
}

void mask_services(const plan::Plan& plan, guest::Guest& guest) {
  for (const auto& unit : plan.customization.mask) {
    const auto path = "/etc/systemd/system/" + unit;
    const auto found = guest.stat(path);
    if (found && found->type != FileType::symlink)
      throw Error(ErrorKind::incompatible, fmt::format("masking '{}': {} is a file of the base", unit, path),
                  "remove the file in the base, or leave the unit out of 'mask'");
    guest.make_link("/dev/null", path);
  }
}

void run_scripts(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  if (plan.customization.run.empty()) return;
  guest.remove(script_directory);  // a base may have a link there
  guest.make_directories(script_directory, 0700);
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
