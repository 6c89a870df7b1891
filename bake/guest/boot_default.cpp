#include "bake/guest/boot_default.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/guest/grub.hpp"
#include "bake/guest/kernels.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

constexpr const char* bls_directory = "/boot/loader/entries";

using Variables = std::map<std::string, std::string>;

/// A menu of GRUB, and all that it reads besides.
struct BootFiles {
  std::string config;  ///< path of its grub.cfg; empty when there is none
  GrubMenu menu;
  Variables environment;
  std::vector<GrubEntry> entries;  ///< the menu in effect
  bool of_bls = false;
};

/// Directories with GRUB's files: BIOS, Debian, then the vendor's directory on the EFI system partition.
std::vector<std::string> grub_directories(Guest& guest) {
  std::vector<std::string> directories{"/boot/grub2", "/boot/grub"};
  for (const auto& vendor : guest.list("/boot/efi/EFI"))
    if (to_lower(vendor) != "boot") directories.push_back("/boot/efi/EFI/" + vendor);
  return directories;
}

bool is_rescue(const GrubEntry& entry) {
  return entry.image.find("-0-rescue") != std::string::npos || entry.id.ends_with("-0-rescue");
}

/// Entries in GRUB's order: newest first by file name, the rescue entry last.
std::vector<GrubEntry> read_bls_entries(Guest& guest) {
  constexpr std::string_view suffix = ".conf";
  std::vector<GrubEntry> entries;
  for (const auto& name : guest.list(bls_directory)) {
    if (!name.ends_with(suffix)) continue;
    const auto text = guest.read(join_path(bls_directory, name));
    if (text) entries.push_back(parse_bls_entry(name.substr(0, name.size() - suffix.size()), *text));
  }
  std::stable_sort(entries.begin(), entries.end(), [](const GrubEntry& a, const GrubEntry& b) {
    if (is_rescue(a) != is_rescue(b)) return is_rescue(b);
    return compare_kernel_releases(a.id, b.id) > 0;
  });
  return entries;
}

/// The environment block in `first`, where GRUB looks for it. A menu may stand apart from its block, which is then in
/// one of the other directories.
Variables read_environment(Guest& guest, std::vector<std::string> directories, const std::string& first = {}) {
  if (!first.empty()) directories.insert(directories.begin(), first);
  for (const auto& directory : directories)
    if (const auto text = guest.read(directory + "/grubenv")) return parse_grubenv(*text);
  return {};
}

void add_entries(Guest& guest, BootFiles& files) {
  files.of_bls = files.menu.uses_bls || files.config.empty();
  if (files.of_bls) files.entries = read_bls_entries(guest);
  files.entries.insert(files.entries.end(), files.menu.entries.begin(), files.menu.entries.end());
}

/// The menus of the image: none counts as one without a grub.cfg. An image that boots on both generations of VMs may
/// have one for BIOS and one for EFI.
std::vector<BootFiles> read_menus(Guest& guest) {
  const auto directories = grub_directories(guest);
  std::vector<BootFiles> menus;
  for (const auto& directory : directories) {
    const auto text = guest.read(directory + "/grub.cfg");
    if (!text) continue;
    auto menu = parse_grub_cfg(*text);
    // On the EFI partition there may be only a stub that loads the real one.
    if (menu.entries.empty() && !menu.uses_bls) continue;
    menus.push_back(
        {directory + "/grub.cfg", std::move(menu), read_environment(guest, directories, directory), {}, false});
  }
  if (menus.empty()) menus.push_back({"", {}, read_environment(guest, directories), {}, false});
  for (auto& files : menus) add_entries(guest, files);
  return menus;
}

std::string value_of(const Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string{} : found->second;
}

/// What GRUB is told to boot, and by what.
struct Wanted {
  std::string value;
  std::string by;
};

/// The default that lasts. A one-time next_entry is not it: the boot after that takes this again.
Wanted lasting_entry(const BootFiles& files) {
  const bool saved = files.config.empty() || files.menu.default_value.find("saved_entry") != std::string::npos;
  if (!saved) return {files.menu.default_value, "set default in " + files.config};
  auto value = value_of(files.environment, "prev_saved_entry");
  if (value.empty()) value = value_of(files.environment, "saved_entry");
  return {value, "grubenv saved_entry"};
}

/// The kernel whose image is called `name`; Ubuntu 16.04 and 18.04 boot a signed copy on EFI machines.
const Kernel* kernel_named(std::string name, const std::vector<Kernel>& kernels) {
  constexpr std::string_view signed_copy = ".efi.signed";
  if (name.ends_with(signed_copy)) name.resize(name.size() - signed_copy.size());
  for (const auto& kernel : kernels)
    if (name == base_name_of(kernel.image) || name == "vmlinuz-" + kernel.release) return &kernel;
  return nullptr;
}

/// The kernel of `path`, an image below /boot or below the root of a separate /boot; links to images count.
const Kernel* kernel_of_image(Guest& guest, const std::string& path, const std::vector<Kernel>& kernels) {
  if (const auto* kernel = kernel_named(base_name_of(path), kernels)) return kernel;
  const auto components = path_components(path);
  for (const auto& kernel : kernels)  // /<machine id>/<release>/linux
    if (std::find(components.begin(), components.end(), kernel.release) != components.end()) return &kernel;
  if (!path.starts_with('/')) return nullptr;  // on a device that is named, or no path at all
  for (const auto& place : {"/boot" + path, path})
    if (const auto target = guest.read_link(place))
      if (const auto* kernel = kernel_named(base_name_of(*target), kernels)) return kernel;
  return nullptr;
}

/// The first entry that boots a kernel we know: where GRUB ends up when the default names nothing.
const GrubEntry* first_usable(const std::vector<GrubEntry>& entries) {
  for (const auto& entry : entries) {
    if (is_rescue(entry)) continue;
    if (!entry.image.empty()) return &entry;
    if (const auto* inner = first_usable(entry.entries)) return inner;
  }
  return nullptr;
}

std::string name_of_menu(const BootFiles& files) { return files.of_bls ? bls_directory : files.config; }

/// What a menu boots.
struct Choice {
  std::string menu;     ///< path of the grub.cfg
  std::string entry;    ///< image, or title when it has none; empty when the menu has no entry at all
  std::string release;  ///< empty when the entry boots no kernel of this image
  std::string how;
  std::string options;

  [[nodiscard]] std::string kernel() const {
    return release.empty() ? fmt::format("'{}', which is no kernel of this image", entry) : release;
  }
};

Choice choose(Guest& guest, const BootFiles& files, const Wanted& wanted, const std::vector<Kernel>& kernels) {
  const auto* entry = wanted.value.empty() ? nullptr : choose_entry(files.entries, wanted.value);
  Choice choice{files.config, "", "", wanted.by, ""};
  const bool first = wanted.value.empty() || wanted.value == "0";
  if (entry == nullptr || is_rescue(*entry) || first) {
    const bool refused = entry == nullptr ? !wanted.value.empty() : is_rescue(*entry);
    if (entry == nullptr || is_rescue(*entry)) entry = first_usable(files.entries);
    choice.how = fmt::format("{} entry of {}", files.of_bls ? "newest" : "first", name_of_menu(files));
    if (refused) choice.how += fmt::format(" ({} '{}' names none)", wanted.by, wanted.value);
  }
  if (entry == nullptr) return choice;
  choice.entry = entry->image.empty() ? entry->title : entry->image;
  const auto* kernel = entry->image.empty() ? nullptr : kernel_of_image(guest, entry->image, kernels);
  if (kernel == nullptr) return choice;
  choice.release = kernel->release;
  auto variables = files.menu.variables;
  for (const auto& [name, value] : files.environment) variables[name] = value;
  choice.options = trim(expand_variables(entry->options, variables));
  return choice;
}

/// What is to be said of a one-time entry that boots something else than `lasting`; empty when there is none.
std::string warning_of_next_entry(Guest& guest, const BootFiles& files, const Choice& lasting,
                                  const std::vector<Kernel>& kernels) {
  const auto once = value_of(files.environment, "next_entry");
  if (!files.menu.uses_next_entry || once.empty()) return {};
  const auto next = choose(guest, files, {once, "grubenv next_entry"}, kernels);
  if (next.entry.empty() || next.release == lasting.release) return {};
  return fmt::format("GRUB boots {} once before it boots {} again (grubenv next_entry '{}'); the driver is for {}",
                     next.release.empty() ? next.kernel() + "," : "kernel " + next.release, lasting.release, once,
                     lasting.release);
}

/// One for every menu that boots something else than the one that is taken.
std::vector<std::string> warnings_of_menus(const std::vector<Choice>& choices, const Choice& taken) {
  std::vector<std::string> warnings;
  for (const auto& other : choices)
    if (!other.entry.empty() && other.release != taken.release)
      warnings.push_back(
          fmt::format("the image has two menus of GRUB: {} boots {}, {} boots {}; the VM's generation decides which "
                      "counts, and the driver is for {}",
                      taken.menu, taken.release, other.menu, other.kernel(), taken.release));
  return warnings;
}

/// `how` is empty when no menu has an entry.
BootDefault by_boot_loader(Guest& guest, const std::vector<Kernel>& kernels) {
  const auto menus = read_menus(guest);
  std::vector<Choice> choices;
  choices.reserve(menus.size());
  for (const auto& files : menus) choices.push_back(choose(guest, files, lasting_entry(files), kernels));
  const auto taken =
      std::find_if(choices.begin(), choices.end(), [](const auto& each) { return !each.release.empty(); });
  if (taken != choices.end()) {
    BootDefault found{taken->release, taken->how, taken->options, warnings_of_menus(choices, *taken)};
    const auto& files = menus.at(static_cast<std::size_t>(taken - choices.begin()));
    if (auto warning = warning_of_next_entry(guest, files, *taken, kernels); !warning.empty())
      found.warnings.push_back(std::move(warning));
    return found;
  }
  // No guess instead of it: that kernel, or none, is what boots.
  for (const auto& each : choices)
    if (!each.entry.empty())
      return {"",
              fmt::format("the default of GRUB is '{}' ({}), which is no kernel of this image", each.entry, each.how),
              ""};
  return {};
}

}  // namespace

BootDefault find_boot_default(Guest& guest, const std::vector<Kernel>& kernels) {
  if (kernels.empty()) return {"", "there is no kernel", ""};
  if (auto found = by_boot_loader(guest, kernels); !found.how.empty()) return found;
  for (const auto* link : {"/vmlinuz", "/boot/vmlinuz"}) {
    const auto target = guest.read_link(link);
    if (!target) continue;
    if (const auto* kernel = kernel_named(base_name_of(*target), kernels))
      return {kernel->release, fmt::format("link {}", link), ""};
  }
  return {kernels.back().release, "the newest kernel: no file of the boot loader decides", ""};
}

}  // namespace bake::guest
