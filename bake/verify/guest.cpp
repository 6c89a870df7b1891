#include "bake/verify/guest.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/config_text.hpp"
#include "bake/guest/labels.hpp"
#include "bake/guest/machine_text.hpp"
#include "bake/guest/path.hpp"
#include "bake/guest/path_rules.hpp"
#include "bake/plan/files.hpp"
#include "bake/verify/modprobe.hpp"
#include "bake/verify/secure_boot.hpp"

namespace bake::verify {
namespace {

using guest::Facts;
using guest::Family;
using guest::Guest;
using plan::Expectations;

Check check_packages(const Facts& facts, const Expectations& expected) {
  if (expected.packages.empty() && expected.absent.empty())
    return skipped("packages", "the bake installed and removed no package");
  std::vector<std::string> wrong;
  const auto& installed = facts.packages.packages;
  for (const auto& package : expected.packages)
    if (std::find(installed.begin(), installed.end(), package) == installed.end())
      wrong.push_back(fmt::format("{} {} is not installed", package.name, package.version));
  for (const auto& name : expected.absent)
    if (std::any_of(installed.begin(), installed.end(), [&](const auto& package) { return package.name == name; }))
      wrong.push_back(fmt::format("{} is installed", name));
  return {"packages", wrong.empty(),
          wrong.empty() ? fmt::format("{} packages in the planned versions, {} absent", expected.packages.size(),
                                      expected.absent.size())
                        : join(wrong, "; ")};
}

/// Returns whether the bake signed the module; a package may name it below /lib or below /usr/lib.
bool is_signed_module(const Expectations& expected, const std::string& path) {
  if (!expected.secure_boot) return false;
  const auto& modules = expected.secure_boot->modules;
  return modules.contains(path) || modules.contains("/usr" + path) ||
         (path.starts_with("/usr/") && modules.contains(path.substr(4)));
}

/// Returns the lines of `dpkg -V` or `rpm -V` that show a fault. These are not faults: changed configuration files
/// (bake itself sets FORCE_MODE in one), files below /run (they are in memory), manuals that a minimal image excludes,
/// and ofed_info, into which the vendor's metapackages write the product's name.
Samples complaints_of(std::string_view output, Guest& guest, const Expectations& expected) {
  const bool names_product = std::any_of(expected.packages.begin(), expected.packages.end(), [](const auto& package) {
    return package.name.starts_with("mlnx-ofed-") && !package.name.starts_with("mlnx-ofed-kernel");
  });
  const auto rules = expected.family == Family::deb ? guest::dpkg_path_rules(guest) : guest::PathRules{};
  Samples complaints;
  for (const auto line : each_line(output)) {
    const auto text = trim(line);
    if (text.empty() || line.find(" c /") != std::string::npos) continue;
    const bool missing = text.starts_with("missing ");
    const std::string path(text.substr(text.find_last_of(" \t") + 1));
    const bool in_memory = path.starts_with("/run/") || path.starts_with("/var/run/");
    if (missing && (in_memory || guest::is_excluded(rules, path))) continue;
    if (names_product && path == "/usr/bin/ofed_info" && !missing) continue;
    // Its signature and its digest are checked instead (verify_secure_boot).
    if (!missing && is_signed_module(expected, path)) continue;
    if (expected.customized.files.contains(path) || expected.customized.lines.contains(path)) continue;  // 'customize'
    complaints.add(line);
  }
  return complaints;
}

/// Runs the package manager's own verification of the injected packages: dependencies and files.
Check check_database(Guest& guest, const Facts& facts, const Expectations& expected) {
  if (!facts.packages.trouble.empty()) return {"package database", false, facts.packages.trouble};
  if (expected.packages.empty()) return {"package database", true, facts.packages.format + ", consistent"};
  std::string names;
  for (const auto& package : expected.packages) names += " " + shell_quote(package.name);
  const auto script =
      expected.family == Family::rpm ? fmt::format("rpm -V{} ; :\n", names) : fmt::format("dpkg -V{} ; :\n", names);
  const auto complaints = complaints_of(guest.shell(script).output, guest, expected);
  return {"package database", complaints.empty(),
          complaints.empty() ? fmt::format("{}, consistent; the injected packages have no fault", facts.packages.format)
                             : complaints.text("; ")};
}

Check check_kernel(const Facts& facts, const Expectations& expected) {
  return {"kernel", facts.default_kernel == expected.kernel,
          fmt::format("{} boots by default ({})", facts.default_kernel, facts.default_kernel_how)};
}

std::vector<std::string> enabled_among(Guest& guest, const std::vector<std::string>& units) {
  std::vector<std::string> enabled;
  for (const auto& unit : units) {
    const auto stem = unit.substr(0, unit.rfind('.'));
    const auto result =
        guest.shell(fmt::format("ls /etc/systemd/system/*.wants/{0} /etc/systemd/system/*.requires/{0} "
                                "/usr/lib/systemd/system/*.wants/{0} /lib/systemd/system/*.wants/{0} "
                                "/etc/rc[2-5S].d/S[0-9][0-9]{1} 2>/dev/null; :\n",
                                shell_quote(unit), shell_quote(stem)));
    if (!trim(result.output).empty()) enabled.push_back(unit);
  }
  return enabled;
}

/// Returns the file that masks the unit, or an empty text. systemd loads the unit from the first directory that has it,
/// and does not start one that is a link to /dev/null or an empty file (systemd.unit(5)). A link that leads nowhere
/// counts too: /dev of an image without a running system may be empty.
std::string mask_of(Guest& guest, const std::string& unit) {
  for (const auto* directory : {"/etc/systemd/system.control", "/etc/systemd/system", "/etc/systemd/system.attached",
                                "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}) {
    auto path = guest::join_path(directory, unit);
    if (!guest.stat(path)) continue;
    const auto file = guest.target_stat(path);
    const bool loads = file && file->type == guest::FileType::regular && file->size > 0;
    return loads ? std::string() : path;
  }
  return {};
}

Check check_services(Guest& guest, const Expectations& expected) {
  if (expected.services.empty() && expected.services_off.empty())
    return skipped("services", "the bake enabled and disabled no service");
  const auto on = enabled_among(guest, expected.services);
  const auto off = enabled_among(guest, expected.services_off);
  std::vector<std::string> wrong;
  for (const auto& unit : expected.services)
    if (std::find(on.begin(), on.end(), unit) == on.end())
      wrong.push_back(unit + " is not enabled");
    else if (const auto mask = mask_of(guest, unit); !mask.empty())
      wrong.push_back(fmt::format("{} masks {}", mask, unit));
  for (const auto& unit : off) wrong.push_back(unit + " is enabled");
  return {"services", wrong.empty(), wrong.empty() ? "enabled: " + join(on, ", ") : join(wrong, "; ")};
}

Check check_agent(Guest& guest, const Facts& facts, const Expectations& expected) {
  if (!expected.enable_rdma) return skipped("agent", "the bake did not set OS.EnableRDMA");
  const auto config = facts.waagent ? facts.waagent->config : std::string("/etc/waagent.conf");
  const auto text = guest.read(config).value_or("");
  std::size_t set = 0;
  bool yes = false;
  for (const auto line : each_line(text)) {
    const auto word = replace_all(std::string(trim(line)), " ", "");
    if (!word.starts_with("OS.EnableRDMA=")) continue;
    ++set;
    yes = word == "OS.EnableRDMA=y";
  }
  if (set == 1 && yes) return {"agent", true, "OS.EnableRDMA=y in " + config};
  return {"agent", false,
          set == 0 ? fmt::format("{} does not set OS.EnableRDMA", config)
                   : fmt::format("{} sets OS.EnableRDMA {} time{}, at last to {}", config, set, set == 1 ? "" : "s",
                                 yes ? "y" : "another value than y")};
}

/// Checks what `cloud_init_network: false` wrote.
Check check_network(Guest& guest, const Expectations& expected) {
  const auto& file = expected.network_config;
  if (file.empty()) return skipped("network", "the bake did not change how the network is configured");
  if (!guest::disables_network(guest.read(plan::path::no_cloud_init_network).value_or("")))
    return {"network", false,
            fmt::format("{} does not turn off cloud-init's network configuration", plan::path::no_cloud_init_network)};
  const auto text = guest.read(file);
  if (!text) return {"network", false, file + " is missing"};
  if (guest::without_machine(file, *text, "") != text)
    return {"network", false, file + " has a MAC address or another property of one machine"};
  return {"network", true, fmt::format("{} configures eth0; cloud-init leaves the network alone", file)};
}

/// Compares the files of the recipe's options with what the bake wrote.
Check check_options(Guest& guest, const Expectations& expected) {
  if (expected.option_files.empty()) return skipped("options", "no option of the recipe writes a file");
  std::vector<std::string> paths;
  for (const auto& [path, state] : expected.option_files) paths.push_back(path);
  const auto found = guest.fingerprints(paths, {});
  std::vector<std::string> faults;
  for (const auto& [path, state] : expected.option_files)
    if (const auto file = found.find(path); file == found.end())
      faults.push_back(path + " is missing");
    else if (file->second != state)
      faults.push_back(path + " is not as the bake wrote it");
  return {"options", faults.empty(), faults.empty() ? join(paths, ", ") : join(faults, "; ")};
}

/// Returns the packages of `hold` that are not held, each with the file in which they should be held.
std::vector<std::string> not_held(Guest& guest, const plan::Hold& hold) {
  std::vector<std::string> missing;
  const auto compare = [&](const std::vector<std::string>& held, const std::string& place) {
    for (const auto& name : hold.packages)
      if (std::find(held.begin(), held.end(), name) == held.end())
        missing.push_back(fmt::format("{} in {}", name, place));
  };
  for (const auto& config : hold.configs)
    compare(guest::excluded_packages(guest.read(config, guest::config_limit).value_or("")), config);
  if (!hold.configs.empty()) return missing;
  const std::set<std::string, std::less<>> wanted(hold.packages.begin(), hold.packages.end());
  std::set<std::string> held;
  const auto selections = guest.shell("dpkg --get-selections\n").output;
  for (const auto line : each_line(selections)) {
    const auto text = trim(line);
    const auto name = text.substr(0, text.find_first_of(": \t"));
    if (wanted.contains(name) && trim(text.substr(std::min(text.find_first_of(" \t"), text.size()))) == "hold")
      held.emplace(name);
  }
  compare({held.begin(), held.end()}, "dpkg's selections");
  return missing;
}

Check check_holds(Guest& guest, const Expectations& expected) {
  if (expected.hold.empty()) return skipped("holds", "the bake held no package");
  const auto missing = not_held(guest, expected.hold);
  return {"holds", missing.empty(),
          missing.empty() ? fmt::format("{} names are kept from being updated", expected.hold.packages.size())
                          : "not held: " + join(missing, ", ")};
}

/// Files that bake writes, as far as the recipe asks for them, and the roots of file systems.
constexpr std::array own_files{guest::manifest_path,
                               plan::path::firstboot,
                               plan::path::firstboot_unit,
                               plan::path::firstboot_late_unit,
                               plan::path::firstboot_target,
                               plan::path::firstboot_conf,
                               plan::path::firstboot_preset,
                               plan::path::limits,
                               plan::path::service_limits,
                               plan::path::openib_conf,
                               plan::path::openibd_drop_in,
                               plan::path::load_modules,  // of images whose manifest has no option_files
                               plan::path::blacklist,
                               plan::path::ofed_info,
                               plan::path::no_cloud_init_network,
                               plan::path::initramfs_modules,
                               "/boot",
                               "/usr",
                               "/var",
                               "/opt",
                               "/home",
                               "/tmp"};

/// Returns the files of the injected packages and of bake.
guest::LabelledFiles labelled_files(const Facts& facts, const Expectations& expected) {
  guest::LabelledFiles files{expected.family, {}, {own_files.begin(), own_files.end()}, expected.kernel};
  for (const auto& package : expected.packages) files.packages.push_back(package.name);
  if (!expected.network_config.empty()) files.paths.push_back(expected.network_config);
  for (const auto& [path, state] : expected.option_files) files.paths.push_back(path);
  if (facts.waagent) files.paths.push_back(facts.waagent->config);
  files.paths.insert(files.paths.end(), expected.hold.configs.begin(), expected.hold.configs.end());
  if (const auto* kernel = facts.kernel(expected.kernel); kernel != nullptr && kernel->initramfs)
    files.paths.push_back(*kernel->initramfs);
  return files;
}

/// Checks the label of every file of the injected packages and of bake: that there is one, and where the guest has
/// setfiles, that its type agrees with the guest's policy.
Check check_labels(Guest& guest, const Facts& facts, const Expectations& expected) {
  const auto& selinux = facts.selinux;
  if (selinux.mode != "permissive" && selinux.mode != "enforcing")
    return skipped("SELinux labels", "SELinux is " + selinux.mode);
  if (guest.exists(plan::path::autorelabel))
    return skipped("SELinux labels", selinux.mode + ": the first boot labels every file (autorelabel)");
  const auto files = guest::paths_of(guest, labelled_files(facts, expected));
  const bool compares = selinux.has_setfiles && !selinux.file_contexts.empty();
  std::vector<std::string> faults;
  if (const auto unlabelled = guest::unlabelled_files(guest, files); !unlabelled.empty())
    faults.push_back("no label: " + join(unlabelled, ", "));
  if (compares) {
    const auto wrong = guest::wrong_labels(guest, files, selinux.file_contexts);
    if (!wrong.files.empty()) faults.push_back("wrong label: " + join(wrong.files, ", "));
    if (!wrong.trouble.empty()) faults.push_back(wrong.trouble);
  }
  return {"SELinux labels", faults.empty(),
          fmt::format("{}: {}", selinux.mode,
                      !faults.empty() ? join(faults, "; ")
                      : compares      ? "every file of the injected packages and of bake has the label that the "
                                        "guest's policy names"
                                      : "every file of the injected packages and of bake has a label")};
}

}  // namespace

std::vector<Check> verify_guest(Guest& guest, const Facts& facts, const Expectations& expected) {
  std::vector<Check> checks{check_packages(facts, expected), check_database(guest, facts, expected),
                            check_kernel(facts, expected)};
  for (auto& check : verify_modules(guest, facts, expected)) checks.push_back(std::move(check));
  for (auto& check : verify_secure_boot(guest, facts, expected)) checks.push_back(std::move(check));
  checks.push_back(verify_module_loading(guest, facts, expected));
  checks.push_back(check_services(guest, expected));
  checks.push_back(check_agent(guest, facts, expected));
  checks.push_back(check_network(guest, expected));
  checks.push_back(check_options(guest, expected));
  checks.push_back(verify_customization(guest, expected));
  checks.push_back(check_holds(guest, expected));
  checks.push_back(verify_locked_memory(guest, expected));
  checks.push_back(verify_firstboot(guest, facts, expected));
  checks.push_back(check_labels(guest, facts, expected));
  checks.push_back(verify_traces(guest, facts, expected));
  return checks;
}

}  // namespace bake::verify
