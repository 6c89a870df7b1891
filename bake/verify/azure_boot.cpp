#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <set>

#include "bake/base/text.hpp"
#include "bake/guest/initramfs.hpp"
#include "bake/verify/azure_rules.hpp"
#include "bake/verify/modprobe.hpp"

namespace bake::verify::azure {
namespace {

/// The modules of a kernel: modprobe's names of the loadable ones, and of those in the kernel's own image.
struct Modules {
  std::set<std::string> loadable;
  std::set<std::string> built_in;

  [[nodiscard]] bool has(const std::string& name) const { return loadable.contains(name) || built_in.contains(name); }
};

/// Returns nothing when the kernel has no modules.dep.
std::optional<Modules> modules_of(guest::Guest& guest, const std::string& release) {
  const auto directory = "lib/modules/" + release + "/";
  const auto dependencies = release.empty() ? std::nullopt : guest.read("/" + directory + "modules.dep");
  if (!dependencies) return std::nullopt;
  Modules modules;
  for (const auto& [name, path] : guest::resolve_modules(*dependencies, directory)) modules.loadable.insert(name);
  const auto built_in = guest.read("/" + directory + "modules.builtin").value_or("");
  for (const auto line : each_line(built_in)) modules.built_in.insert(guest::module_name_of(line));
  return modules;
}

/// The command line of the default kernel, or why it is not known.
std::optional<Finding> unknown_options(const guest::Facts& facts) {
  if (facts.default_kernel_options.empty()) return skipped("the command line of the default kernel is not known");
  return std::nullopt;
}

/// The names that modprobe.d keeps from being loaded: with "blacklist NAME" or "install NAME /bin/true".
std::set<std::string> blacklisted(guest::Guest& guest) {
  std::set<std::string> names;
  each_modprobe_command(guest, [&](const ModprobeCommand& command) {
    const auto& words = command.words;
    const bool disabled =
        words.size() == 3 && words[0] == "install" && (words[2].ends_with("/true") || words[2].ends_with("/false"));
    if ((words.size() >= 2 && words[0] == "blacklist") || disabled) names.insert(replace_all(words[1], "-", "_"));
  });
  return names;
}

}  // namespace

Finding serial_console(const Subject& subject) {
  if (const auto unknown = unknown_options(subject.facts)) return *unknown;
  const std::string wanted = subject.facts.arch == "aarch64" ? "console=ttyAMA0" : "console=ttyS0";
  for (const auto& word : split_words(subject.facts.default_kernel_options))
    if (word == wanted || word.starts_with(wanted + ",")) return passed(word);
  if (subject.facts.default_kernel_options.find('$') != std::string::npos)
    return skipped("the command line has a variable: " + subject.facts.default_kernel_options);
  return failed(
      fmt::format("{} is not on the command line of {}", wanted, subject.facts.default_kernel),
      fmt::format("add '{}' to GRUB_CMDLINE_LINUX in /etc/default/grub of the base and make grub.cfg again", wanted));
}

Finding boot_options(const Subject& subject) {
  if (const auto unknown = unknown_options(subject.facts)) return *unknown;
  // The CD-ROM with the provisioning data is on the emulated IDE controller of Generation 1 VMs.
  std::vector<std::string> found;
  for (const auto& word : split_words(subject.facts.default_kernel_options))
    if (word == "libata.atapi_enabled=0" || word == "reserve=0x1f0,0x8") found.push_back(word);
  if (found.empty()) return passed("no option that hides the CD-ROM with the provisioning data");
  return failed(join(found, " ") + " on the command line",
                "remove it from GRUB_CMDLINE_LINUX in /etc/default/grub of the base and make grub.cfg again");
}

Finding swap(const Subject& subject) {
  const auto fstab = subject.guest.read("/etc/fstab");
  if (!fstab) return skipped("there is no /etc/fstab");
  Samples found;
  for (const auto line : each_line(*fstab)) {
    const auto fields = split_words(line);
    if (fields.size() < 3 || fields[0].starts_with('#') || fields[2] != "swap") continue;
    const bool manual = fields.size() > 3 && ("," + fields[3] + ",").find(",noauto,") != std::string::npos;
    // The resource disk is mounted on /mnt or /mnt/resource; zram is memory.
    const bool elsewhere = fields[0].starts_with("/mnt/") || fields[0].starts_with("/dev/zram") ||
                           fields[0].find("azure_resource") != std::string::npos;
    if (!manual && !elsewhere) found.add(fields[0]);
  }
  if (found.empty()) return passed("/etc/fstab has no swap on the OS disk");
  return failed("/etc/fstab has swap on the OS disk: " + found.text(),
                "remove it from /etc/fstab of the base; the agent can make swap on the resource disk "
                "(ResourceDisk.EnableSwap=y)");
}

Finding hyperv_modules(const Subject& subject) {
  const auto& kernel = subject.facts.default_kernel;
  const auto modules = modules_of(subject.guest, kernel);
  if (!modules) return skipped("the default kernel has no modules.dep");
  std::vector<std::string> missing;
  for (const std::string name : {"hv_vmbus", "hv_storvsc", "hv_netvsc", "hv_utils", "hv_balloon", "hyperv_keyboard"})
    if (!modules->has(name)) missing.push_back(name);
  if (!modules->has("hyperv_fb") && !modules->has("hyperv_drm")) missing.emplace_back("hyperv_fb or hyperv_drm");
  if (missing.empty()) return passed(kernel + " has all of them, built in or as modules");
  return failed(
      fmt::format("{} has no {}", kernel, join(missing, ", ")),
      "install the package of the kernel that has them: kernel-modules, or linux-modules of an -azure kernel");
}

Finding initramfs_drivers(const Subject& subject) {
  const auto* kernel = subject.facts.kernel(subject.facts.default_kernel);
  if (kernel == nullptr) return skipped("the default kernel is not known");
  // LISA skips an image without an initramfs, the playbook for RHEL's images does not.
  if (!kernel->initramfs)
    return failed("there is no initramfs for " + kernel->release,
                  fmt::format("run 'dracut --kver {0}' or 'update-initramfs -c -k {0}' in the base", kernel->release));
  const auto modules = modules_of(subject.guest, kernel->release);
  if (!modules) return skipped("the default kernel has no modules.dep");
  // The required check of the initramfs reports a damaged one.
  if (!kernel->initramfs_content) return skipped("the initramfs is not known: " + kernel->initramfs_trouble);
  std::set<std::string> present = modules->built_in;
  for (const auto& path : kernel->initramfs_content->modules) present.insert(guest::module_name_of(path));
  std::vector<std::string> missing;
  for (const std::string name : {"hv_vmbus", "hv_storvsc", "hv_netvsc", "hyperv_keyboard", "nvme", "pci_hyperv"})
    if (modules->loadable.contains(name) && !present.contains(name)) missing.push_back(name);
  if (missing.empty()) return passed(*kernel->initramfs + " has every driver that is a module");
  return failed(fmt::format("{} has no {}", *kernel->initramfs, join(missing, ", ")),
                "name them in add_drivers+= of a file in /etc/dracut.conf.d, or in /etc/initramfs-tools/modules");
}

Finding kernel_config(const Subject& subject) {
  const auto* kernel = subject.facts.kernel(subject.facts.default_kernel);
  const auto text = kernel != nullptr && kernel->config ? subject.guest.read(*kernel->config) : std::nullopt;
  if (!text) return skipped("the default kernel has no configuration file");
  std::vector<std::string> missing{"CONFIG_WATCHDOG", "CONFIG_CIFS"};
  for (const auto line : each_line(*text))
    std::erase_if(missing, [&](const auto& option) { return line == option + "=y" || line == option + "=m"; });
  if (missing.empty()) return passed("CONFIG_WATCHDOG and CONFIG_CIFS are set");
  return failed(fmt::format("{} does not set {}", *kernel->config, join(missing, " and ")),
                "choose a kernel of the distribution for Azure");
}

Finding floppy(const Subject& subject) {
  const auto& os = subject.facts.os;
  if (os.id == "centos" && compare_versions(os.version, "7.8") < 0)
    return skipped("LISA does not check CentOS before 7.8");
  const auto modules = modules_of(subject.guest, subject.facts.default_kernel);
  if (!modules) return skipped("the default kernel has no modules.dep");
  if (!modules->has("floppy")) return passed("the kernel has no floppy driver");
  if (blacklisted(subject.guest).contains("floppy")) return passed("the floppy driver is blacklisted");
  return failed("the floppy driver can be loaded",
                "write 'blacklist floppy' into /etc/modprobe.d/azure.conf of the base");
}

Finding blacklist(const Subject& subject) {
  if (subject.facts.family != guest::Family::rpm) return skipped("Microsoft checks it on RHEL's family only");
  const auto names = blacklisted(subject.guest);
  std::vector<std::string> missing;
  for (const std::string name :
       {"nouveau", "lbm_nouveau", "floppy", "skx_edac", "intel_cstate", "amdgpu", "intel_uncore", "acpi_cpufreq"})
    if (!names.contains(name)) missing.push_back(name);
  if (missing.empty()) return passed("the drivers that Microsoft names are blacklisted");
  return failed("not blacklisted: " + join(missing, ", "),
                "write 'blacklist NAME' for each into /etc/modprobe.d/azure.conf of the base");
}

Finding partition_alignment(const Subject& subject) {
  // The kernel counts sectors of 512 bytes in /sys, also for a disk with larger ones (block/partitions/core.c,
  // part_start_show).
  const auto result = subject.guest.shell(
      "for start in /sys/block/*/*/start; do\n"
      "  [ -e \"$start\" ] || continue\n"
      "  partition=${start%/start}\n"
      "  echo \"${partition##*/} $(cat \"$start\") $(cat \"$partition/size\")\"\n"
      "done\n");
  std::size_t count = 0;
  Samples wrong;
  const std::string_view output = result.ok() ? result.output : std::string_view();
  for (const auto line : each_line(output)) {
    const auto words = split_words(line);
    std::uint64_t sector = 0;
    // An extended partition, which holds logical ones, has 2 sectors here (block/partitions/msdos.c).
    if (words.size() == 3 && words[2] == "2") continue;
    if (words.size() != 3 ||
        std::from_chars(words[1].data(), words[1].data() + words[1].size(), sector).ec != std::errc())
      continue;
    ++count;
    if (sector % 2048 != 0) wrong.add(fmt::format("{} at sector {}", words[0], sector));
  }
  if (count == 0) return skipped("the starts of the partitions are not known");
  if (wrong.empty()) return passed(fmt::format("{} partitions start at whole MiB", count));
  return failed("not at a whole MiB: " + wrong.text(), "make the partitions of the base again, from sector 2048 on");
}

}  // namespace bake::verify::azure
