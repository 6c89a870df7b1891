#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"
#include "bake/plan/steps.hpp"

namespace bake::plan {
namespace {

using guest::Account;
using guest::FileType;
using guest::MachineFile;
using guest::ProvisionedUser;

/// Homes are never below these directories, and never one of them.
constexpr std::array<std::string_view, 12> system_directories{"/bin",  "/boot", "/dev",  "/etc", "/lib", "/proc",
                                                              "/root", "/run",  "/sbin", "/sys", "/usr", "/var/log"};

/// The characters of useradd's names; other names could be paths or options.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '-' && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
         });
}

class Generalizer {
 public:
  Generalizer(const Inputs& inputs, Outcome& outcome)
      : facts_(inputs.facts), machine_(inputs.facts.machine), out_(outcome), removal_(outcome.plan.removal) {}

  void run() {
    check_folders();
    for (const auto& user : machine_.users) add_user(user);
    check_userdel();
    removal_.host_name = machine_.host_name;
    for (const auto& file : machine_.files) add_file(file);
    for (const auto& data : machine_.data) removal_.removals.push_back({data.kind, data.paths});
    removal_.removals.push_back({"logs", {"/var/log"}});
    check_immutable();
  }

 private:
  void refuse(std::string message, std::string hint) {
    out_.refusals.push_back(
        {ErrorKind::incompatible,
         {"generalize", std::move(message), std::move(hint) + ", or leave 'generalize' out of the recipe", {}}});
  }

  void check_folders() {
    for (const auto& setting : machine_.moved_folders)
      refuse(fmt::format("{} says {}, and bake does not look for the agent's data there",
                         out_.plan.waagent_config.empty() ? "waagent.conf" : out_.plan.waagent_config, setting),
             "run waagent -deprovision+user on a VM of this image and capture it again");
  }

  void add_user(const ProvisionedUser& user) {
    const auto& account = user.account;
    const auto reason = reason_against(user);
    if (!reason.empty()) {
      refuse(fmt::format("user '{}' (named by {}) cannot be removed: {}", account.name, join(user.named_by, " and "),
                         reason),
             fmt::format("remove the account and its home in the base image (userdel -r {})",
                         is_plain_name(account.name) ? account.name : "NAME"));
      return;
    }
    removal_.users.push_back(account);
    Removal removal{
        fmt::format("user {} (uid {}, named by {})", account.name, account.uid, join(user.named_by, " and ")), {}};
    if (user.home) removal.paths.push_back(account.home);
    removal_.removals.push_back(std::move(removal));
  }

  /// Returns why the account or its home cannot be removed, or an empty string.
  [[nodiscard]] std::string reason_against(const ProvisionedUser& user) const {
    const auto& account = user.account;
    if (!is_plain_name(account.name)) return "its name is not a plain word";
    // The agent logs an error for these, and deletes them nevertheless (WALinuxAgent,
    // azurelinuxagent/common/osutil/default.py, is_sys_user and del_account).
    if (account.uid < machine_.uid_min)
      return fmt::format("it cannot be told apart from a system account (uid {}, UID_MIN of /etc/login.defs is {})",
                         account.uid, machine_.uid_min);
    for (const auto& other : machine_.accounts)
      if (other.name != account.name && other.uid == account.uid)
        return fmt::format("account '{}' has the same uid {}", other.name, account.uid);
    return reason_against_home(user);
  }

  [[nodiscard]] std::string reason_against_home(const ProvisionedUser& user) const {
    const auto& home = user.account.home;
    for (const auto& mount_point : machine_.unmounted)
      if (guest::is_below(home, mount_point))
        return fmt::format("its home '{}' is on the file system of {}, which is not mounted", home, mount_point);
    if (!user.home) return {};
    if (user.home->type != FileType::directory) return fmt::format("its home '{}' is not a directory", home);
    // The other checks compare paths: behind a link, the home could contain another mount point.
    if (!user.link_above_home.empty())
      return fmt::format("its home '{}' is below the link '{}'", home, user.link_above_home);
    if (guest::path_components(home).size() < 2 || home.find("/../") != std::string::npos || home.ends_with("/..") ||
        std::any_of(system_directories.begin(), system_directories.end(),
                    [&](auto directory) { return guest::is_below(home, directory); }))
      return fmt::format("its home '{}' is a directory of the system", home);
    if (user.home->uid != user.account.uid) return fmt::format("its home '{}' belongs to uid {}", home, user.home->uid);
    for (const auto& other : machine_.accounts)
      if (other.name != user.account.name && guest::is_below(other.home, home))
        return fmt::format("its home '{}' contains the home of '{}'", home, other.name);
    for (const auto& mount : facts_.layout.mounts)
      if (guest::is_below(mount.mount_point, home))
        return fmt::format("its home '{}' contains the mount point {}", home, mount.mount_point);
    return {};
  }

  void check_userdel() {
    if (!removal_.users.empty() && !facts_.has_program("userdel"))
      refuse(fmt::format("the guest has no userdel to remove user '{}'", removal_.users.front().name),
             "install the package shadow-utils or passwd in the base image");
  }

  void add_file(const MachineFile& file) {
    const auto& replaced = out_.plan.network.replaced;
    if (file.path == out_.plan.network.file || std::find(replaced.begin(), replaced.end(), file.path) != replaced.end())
      return;
    if (file.treatment == MachineFile::Treatment::blocked) {
      refuse(
          fmt::format("the {} in '{}' cannot be removed without another name for the interface", file.what, file.path),
          "match the interface by its name in the base image");
      return;
    }
    removal_.files.push_back(file);
    auto what = file.what;
    if (file.what == "host name" && !removal_.host_name.empty()) what += " " + removal_.host_name;
    auto& removals = removal_.removals;
    const auto same =
        std::find_if(removals.begin(), removals.end(), [&](const Removal& removal) { return removal.what == what; });
    if (same == removals.end())
      removals.push_back({what, {file.path}});
    else
      same->paths.push_back(file.path);
  }

  void check_immutable() {
    constexpr std::size_t max_shown = 20;
    const auto& all = machine_.immutable;
    for (const auto& path : std::vector(all.begin(), all.begin() + std::min(all.size(), max_shown)))
      refuse(fmt::format("'{}' cannot be removed or changed: its attributes (lsattr) make it immutable", path),
             fmt::format("clear the attributes in the base image (chattr -i -a {})", shell_quote(path)));
    if (all.size() > max_shown)
      refuse(fmt::format("{} more files have attributes (lsattr) that make them immutable", all.size() - max_shown),
             "clear the attributes in the base image (chattr -R -i -a)");
  }

  const guest::Facts& facts_;
  const guest::MachineFacts& machine_;
  Outcome& out_;
  Generalize& removal_;
};

}  // namespace

void plan_generalize(const Inputs& inputs, Outcome& outcome) {
  outcome.plan.generalize = inputs.recipe.generalize;
  if (outcome.plan.generalize) Generalizer(inputs, outcome).run();
}

}  // namespace bake::plan
