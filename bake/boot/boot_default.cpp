#include "bake/boot/boot_default.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/boot/boot_menu.hpp"
#include "bake/guest/os_release.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

/// Vendors' directories on the EFI system partition that are looked at.
constexpr std::size_t max_vendors = 8;

/// The name of the system's directory on the EFI system partition: of the packages shim and grub2-efi of EL, and of
/// grub-install on Debian and Ubuntu.
std::string own_vendor(Guest& guest) {
  for (const auto* path : {"/etc/os-release", "/usr/lib/os-release"})
    if (const auto text = guest.read(path)) {
      const auto id = to_lower(parse_assignments(*text)["ID"]);
      return id == "rhel" ? "redhat" : id;
    }
  return {};
}

/// The grub.cfg files that GRUB may read with BIOS: of EL, and of Debian and Ubuntu.
std::vector<std::string> bios_configs(Guest& guest) {
  std::vector<std::string> configs;
  for (const std::string path : {"/boot/grub2/grub.cfg", "/boot/grub/grub.cfg"})
    if (guest.exists(path)) configs.push_back(path);
  return configs;
}

/// The grub.cfg files in the vendors' directories on the EFI system partition, the system's own first: another system
/// may have left the others.
std::vector<std::string> efi_configs(Guest& guest) {
  auto vendors = guest.list("/boot/efi/EFI");
  std::erase_if(vendors, [](const auto& vendor) { return to_lower(vendor) == "boot"; });
  if (vendors.size() > 1)
    std::stable_partition(vendors.begin(), vendors.end(),
                          [own = own_vendor(guest)](const auto& vendor) { return to_lower(vendor) == own; });
  if (vendors.size() > max_vendors) vendors.resize(max_vendors);
  std::vector<std::string> configs;
  for (const auto& vendor : vendors)
    if (const auto path = "/boot/efi/EFI/" + vendor + "/grub.cfg"; guest.exists(path)) configs.push_back(path);
  return configs;
}

/// The grub.cfg files for each firmware. The first one of a list is the firmware's menu.
struct Configs {
  std::vector<std::string> bios, efi;
};

/// Leaves out what no VM reads: without an EFI system partition the menus for EFI, and on a disk that boots with UEFI
/// only the menus for BIOS. GRUB for EFI may read the menu below /boot itself, so that one stays if it is the only one.
Configs find_configs(Guest& guest, const Layout& layout) {
  Configs configs{bios_configs(guest), {}};
  const int only = layout.only_generation();
  if (only != 1) configs.efi = efi_configs(guest);
  if (only == 2 && !configs.efi.empty()) configs.bios.clear();
  return configs;
}

std::string what_boots(const MenuChoice& choice) {
  if (!choice.undetermined.empty()) return fmt::format("cannot be evaluated ({})", choice.undetermined);
  if (!choice.release.empty()) return "boots " + choice.release;
  if (choice.rescue) return fmt::format("boots the rescue entry '{}'", choice.entry);
  return fmt::format("boots '{}', which is not a kernel of this image", choice.entry);
}

/// One for every menu that boots something else than the one that is taken. `why` tells which of them counts.
void warn_of_menus(BootDefault& found, const MenuChoice& taken, const std::vector<MenuChoice>& others,
                   std::string_view why) {
  for (const auto& other : others)
    if (other.release != taken.release)
      found.warnings.push_back(
          fmt::format("the image has two menus of GRUB: {} boots {}, {} {}; {}, and the driver is for {}", taken.menu,
                      taken.release, other.menu, what_boots(other), why, taken.release));
}

/// Why a menu gives no kernel; no guess instead of it.
std::string refusal(const MenuChoice& choice) {
  if (!choice.undetermined.empty())
    return fmt::format("the default of GRUB cannot be determined: {} ({})", choice.undetermined, choice.menu);
  if (choice.rescue) return fmt::format("the default of GRUB is the rescue entry '{}' ({})", choice.entry, choice.how);
  return fmt::format("the default of GRUB is '{}' ({}), which is not a kernel of this image", choice.entry, choice.how);
}

/// The menus of one firmware, evaluated. The first one counts.
struct Menus {
  int generation;
  std::vector<MenuChoice> choices;

  [[nodiscard]] bool boots_a_kernel() const { return !choices.front().release.empty(); }
};

/// The answer where `taken` boots a kernel; `other` is null where only one firmware has a menu.
BootDefault take(const Menus& taken, const Menus* other) {
  const auto& choice = taken.choices.front();
  BootDefault found{choice.release, choice.how, choice.options};
  warn_of_menus(found, choice, {taken.choices.begin() + 1, taken.choices.end()}, "bake takes the first menu");
  if (other != nullptr) {
    const auto& second = other->choices.front();
    warn_of_menus(found, choice, {second}, "the VM's generation decides which counts");
    if (second.release != choice.release)
      found.second_menu = SecondMenu{other->generation, second.menu, second.release, what_boots(second)};
  }
  found.warnings.insert(found.warnings.end(), choice.warnings.begin(), choice.warnings.end());
  return found;
}

BootDefault by_grub(Guest& guest, const Configs& configs, const std::vector<Kernel>& kernels, const Layout& layout) {
  const auto rules = grub_rules_of(guest, kernels);
  GuestGrubDisk disk(guest, layout);
  std::vector<Menus> menus;
  for (const auto& [generation, paths] : {std::pair(1, &configs.bios), std::pair(2, &configs.efi)}) {
    if (paths->empty()) continue;
    auto& added = menus.emplace_back(Menus{generation, {}});
    for (const auto& path : *paths) added.choices.push_back(choose_of_menu(guest, disk, path, rules, kernels));
  }
  const auto taken = std::find_if(menus.begin(), menus.end(), [](const auto& each) { return each.boots_a_kernel(); });
  if (taken != menus.end()) return take(*taken, menus.size() < 2 ? nullptr : &menus[taken == menus.begin() ? 1 : 0]);
  const auto determined = std::find_if(menus.begin(), menus.end(),
                                       [](const auto& each) { return each.choices.front().undetermined.empty(); });
  return {"", refusal((determined == menus.end() ? menus.front() : *determined).choices.front()), ""};
}

BootDefault decide(Guest& guest, const std::vector<Kernel>& kernels, const Layout& layout) {
  if (kernels.empty()) return {"", "there is no kernel", ""};
  if (const auto configs = find_configs(guest, layout); !configs.bios.empty() || !configs.efi.empty())
    return by_grub(guest, configs, kernels, layout);
  if (!guest.list("/boot/loader/entries").empty())
    return {"", "there are entries in /boot/loader/entries, but no grub.cfg that reads them", ""};
  for (const auto* link : {"/vmlinuz", "/boot/vmlinuz"}) {
    const auto target = guest.read_link(link);
    if (!target) continue;
    if (const auto* kernel = kernel_named(base_name_of(*target), kernels))
      return {kernel->release, fmt::format("link {}", link), ""};
  }
  return {"",
          "the default kernel cannot be determined: there is no grub.cfg in /boot/grub2, in /boot/grub or on an EFI "
          "system partition, and bake reads no other boot loader",
          ""};
}

}  // namespace

BootDefault find_boot_default(Guest& guest, const std::vector<Kernel>& kernels, const Layout& layout) {
  auto found = decide(guest, kernels, layout);
  // Titles and variables come from the guest; recipes, terminals and manifests show them on one line.
  found.how = printable(found.how);
  for (auto& warning : found.warnings) warning = printable(warning);
  if (found.second_menu) {
    found.second_menu->path = printable(found.second_menu->path);
    found.second_menu->outcome = printable(found.second_menu->outcome);
  }
  return found;
}

}  // namespace bake::guest
