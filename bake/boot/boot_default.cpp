#include "bake/boot/boot_default.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/boot/boot_menu.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

/// Vendors' directories on the EFI system partition that are looked at.
constexpr std::size_t max_vendors = 8;

/// The grub.cfg files of the image: BIOS, Debian, then the vendor's directories on the EFI system partition. An image
/// that boots on both generations of VMs may have one for BIOS and one for EFI.
std::vector<std::string> find_configs(Guest& guest) {
  std::vector<std::string> directories{"/boot/grub2", "/boot/grub"};
  for (const auto& vendor : guest.list("/boot/efi/EFI"))
    if (to_lower(vendor) != "boot" && directories.size() < 2 + max_vendors)
      directories.push_back("/boot/efi/EFI/" + vendor);
  std::vector<std::string> configs;
  for (const auto& directory : directories)
    if (const auto path = directory + "/grub.cfg"; guest.exists(path)) configs.push_back(path);
  return configs;
}

std::string what_boots(const MenuChoice& choice) {
  if (!choice.undetermined.empty()) return fmt::format("cannot be evaluated ({})", choice.undetermined);
  if (!choice.release.empty()) return "boots " + choice.release;
  if (choice.rescue) return fmt::format("boots the rescue entry '{}'", choice.entry);
  return fmt::format("boots '{}', which is not a kernel of this image", choice.entry);
}

/// One for every menu that boots something else than the one that is taken.
std::vector<std::string> warnings_of_menus(const std::vector<MenuChoice>& choices, const MenuChoice& taken) {
  std::vector<std::string> warnings;
  for (const auto& other : choices)
    if (other.release != taken.release)
      warnings.push_back(
          fmt::format("the image has two menus of GRUB: {} boots {}, {} {}; the VM's generation decides which counts, "
                      "and the driver is for {}",
                      taken.menu, taken.release, other.menu, what_boots(other), taken.release));
  return warnings;
}

/// Why a menu gives no kernel; no guess instead of it.
std::string refusal(const MenuChoice& choice) {
  if (!choice.undetermined.empty())
    return fmt::format("the default of GRUB cannot be determined: {} ({})", choice.undetermined, choice.menu);
  if (choice.rescue) return fmt::format("the default of GRUB is the rescue entry '{}' ({})", choice.entry, choice.how);
  return fmt::format("the default of GRUB is '{}' ({}), which is not a kernel of this image", choice.entry, choice.how);
}

BootDefault by_grub(Guest& guest, const std::vector<std::string>& configs, const std::vector<Kernel>& kernels,
                    const Layout& layout) {
  const auto rules = grub_rules_of(guest, kernels);
  GuestGrubDisk disk(guest, layout);
  std::vector<MenuChoice> choices;
  choices.reserve(configs.size());
  for (const auto& config : configs) choices.push_back(choose_of_menu(guest, disk, config, rules, kernels));
  const auto taken =
      std::find_if(choices.begin(), choices.end(), [](const auto& each) { return !each.release.empty(); });
  if (taken != choices.end()) {
    BootDefault found{taken->release, taken->how, taken->options, warnings_of_menus(choices, *taken)};
    found.warnings.insert(found.warnings.end(), taken->warnings.begin(), taken->warnings.end());
    return found;
  }
  const auto determined =
      std::find_if(choices.begin(), choices.end(), [](const auto& each) { return each.undetermined.empty(); });
  return {"", refusal(determined == choices.end() ? choices.front() : *determined), ""};
}

}  // namespace

namespace {

BootDefault decide(Guest& guest, const std::vector<Kernel>& kernels, const Layout& layout) {
  if (kernels.empty()) return {"", "there is no kernel", ""};
  if (const auto configs = find_configs(guest); !configs.empty()) return by_grub(guest, configs, kernels, layout);
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
  return found;
}

}  // namespace bake::guest
