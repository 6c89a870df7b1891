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

/// Everything the boot loader reads, as the guest has it.
struct BootFiles {
  std::string config;  ///< path of the grub.cfg that was taken; empty when there is none
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

BootFiles read_boot_files(Guest& guest) {
  BootFiles files;
  const auto directories = grub_directories(guest);
  for (const auto& directory : directories) {
    const auto text = guest.read(directory + "/grub.cfg");
    if (!text) continue;
    auto menu = parse_grub_cfg(*text);
    // On the EFI partition there may be only a stub that loads the real one.
    if (menu.entries.empty() && !menu.uses_bls) continue;
    files.config = directory + "/grub.cfg";
    files.menu = std::move(menu);
    break;
  }
  for (const auto& directory : directories) {
    files.environment = parse_grubenv(guest.read(directory + "/grubenv").value_or(""));
    if (!files.environment.empty()) break;
  }
  files.of_bls = files.menu.uses_bls || files.config.empty();
  if (files.of_bls) files.entries = read_bls_entries(guest);
  files.entries.insert(files.entries.end(), files.menu.entries.begin(), files.menu.entries.end());
  return files;
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

Wanted wanted_entry(const BootFiles& files) {
  const auto once = value_of(files.environment, "next_entry");
  if (files.menu.uses_next_entry && !once.empty()) return {once, "grubenv next_entry (for one boot)"};
  const bool saved = files.config.empty() || files.menu.default_value.find("saved_entry") != std::string::npos;
  if (!saved) return {files.menu.default_value, "set default in " + files.config};
  auto value = value_of(files.environment, "prev_saved_entry");
  if (value.empty()) value = value_of(files.environment, "saved_entry");
  return {value, "grubenv saved_entry"};
}

/// The kernel whose image is called `name`.
const Kernel* kernel_named(const std::string& name, const std::vector<Kernel>& kernels) {
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

BootDefault by_boot_loader(Guest& guest, const BootFiles& files, const std::vector<Kernel>& kernels) {
  const auto wanted = wanted_entry(files);
  const auto* entry = wanted.value.empty() ? nullptr : choose_entry(files.entries, wanted.value);
  std::string how = wanted.by;
  const bool first = wanted.value.empty() || wanted.value == "0";
  if (entry == nullptr || is_rescue(*entry) || first) {
    const bool refused = entry == nullptr ? !wanted.value.empty() : is_rescue(*entry);
    if (entry == nullptr || is_rescue(*entry)) entry = first_usable(files.entries);
    how = fmt::format("{} entry of {}", files.of_bls ? "newest" : "first", name_of_menu(files));
    if (refused) how += fmt::format(" ({} '{}' names none)", wanted.by, wanted.value);
  }
  if (entry == nullptr) return {};
  const auto* kernel = kernel_of_image(guest, entry->image, kernels);
  if (kernel == nullptr) return {};
  auto variables = files.menu.variables;
  for (const auto& [name, value] : files.environment) variables[name] = value;
  return {kernel->release, how, std::string(trim(expand_variables(entry->options, variables)))};
}

}  // namespace

BootDefault find_boot_default(Guest& guest, const std::vector<Kernel>& kernels) {
  if (kernels.empty()) return {"", "there is no kernel", ""};
  if (auto found = by_boot_loader(guest, read_boot_files(guest), kernels); !found.release.empty()) return found;
  for (const auto* link : {"/vmlinuz", "/boot/vmlinuz"}) {
    const auto target = guest.read_link(link);
    if (!target) continue;
    if (const auto* kernel = kernel_named(base_name_of(*target), kernels))
      return {kernel->release, fmt::format("link {}", link), ""};
  }
  return {kernels.back().release, "the newest kernel: no file of the boot loader decides", ""};
}

}  // namespace bake::guest
