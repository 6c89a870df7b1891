#include "bake/boot/boot_menu.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/boot/grub_run.hpp"
#include "bake/guest/os_release.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

/// Cases of what depends on the machine ("keystatus --shift") that are tried for one menu.
constexpr int max_cases = 64;

bool is_rescue(const GrubBoot& boot) {
  return base_name_of(boot.image).find("-0-rescue") != std::string::npos ||
         (boot.image.empty() && boot.id.ends_with("-0-rescue"));
}

/// The kernel of `path`, an image below /boot or below the root of a separate /boot; links to images count.
const Kernel* kernel_of_image(Guest& guest, const std::string& path, const std::vector<Kernel>& kernels) {
  if (path.empty()) return nullptr;
  if (const auto* kernel = kernel_named(base_name_of(path), kernels)) return kernel;
  const auto components = path_components(path);
  for (const auto& kernel : kernels)  // /<machine id>/<release>/linux
    if (std::find(components.begin(), components.end(), kernel.release) != components.end()) return &kernel;
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) return nullptr;
  for (const auto& place : {"/boot" + path, path})
    if (const auto target = guest.read_link(place))
      if (const auto* kernel = kernel_named(base_name_of(*target), kernels)) return kernel;
  return nullptr;
}

GrubRules rules_of_el(int major) {
  if (major <= 7) return GrubRules::upstream;
  return major == 8 ? GrubRules::el8 : GrubRules::el9;
}

std::optional<GrubRules> rules_of_system(std::map<std::string, std::string> os_release) {
  const auto words = split_words(to_lower(os_release["ID"] + " " + os_release["ID_LIKE"]));
  const auto names = [&](std::string_view name) { return std::find(words.begin(), words.end(), name) != words.end(); };
  if (names("debian") || names("ubuntu")) return GrubRules::upstream;
  const auto major = parse_grub_number(os_release["VERSION_ID"]).value;
  const bool el = names("rhel") || names("centos") || names("rocky") || names("almalinux") || names("ol");
  if (el && major >= 7) return rules_of_el(static_cast<int>(std::min<std::uint64_t>(major, 9)));
  if (names("fedora") && major >= 31) return GrubRules::el9;
  return std::nullopt;
}

/// "4.18.0-240.el8.x86_64" and "5.4.0-1010-azure" tell their distribution.
std::optional<GrubRules> rules_of_release(const std::string& release) {
  for (const std::string_view tag : {".el", ".fc"}) {
    const auto at = release.find(tag);
    if (at == std::string::npos || at + tag.size() >= release.size() || !is_digit(release[at + tag.size()])) continue;
    if (tag == ".fc") return GrubRules::el9;
    const auto number = parse_grub_number(std::string_view(release).substr(at + tag.size())).value;
    return rules_of_el(static_cast<int>(std::min<std::uint64_t>(number, 9)));
  }
  const auto dash = release.rfind('-');
  const bool flavour = dash != std::string::npos && dash + 1 < release.size() && !is_digit(release[dash + 1]) &&
                       release.find('.', dash) == std::string::npos;
  return flavour ? std::optional(GrubRules::upstream) : std::nullopt;
}

/// The menu of one grub.cfg, evaluated in every case that is possible.
class Menu {
 public:
  Menu(Guest& guest, GuestGrubDisk& disk, std::string config, const std::vector<GrubRules>& rules,
       const std::vector<Kernel>& kernels)
      : guest_(guest), disk_(disk), config_(std::move(config)), rules_(rules), kernels_(kernels) {}

  MenuChoice choose() {
    MenuChoice choice;
    try {
      choice = choose_lasting();
    } catch (const Undetermined& problem) {
      choice.undetermined = problem.what();
    }
    choice.menu = config_;
    return choice;
  }

 private:
  using Saved = std::map<std::string, std::optional<std::string>>;

  MenuChoice choose_lasting() {
    const auto next = boot({});
    const bool once = is_set(next, "next_entry") || is_set(next, "prev_saved_entry") || is_set(next, "prev_entry");
    if (!once) return choice_of(next);
    // The boot after that: what the first one saved of its choice is done. Counters of boots and their success are up
    // to the system in between.
    Saved saved;
    for (const auto* name : {"next_entry", "prev_entry", "saved_entry", "prev_saved_entry"})
      if (const auto found = next.saved.find(name); found != next.saved.end()) saved.insert(*found);
    auto choice = choice_of(boot(saved));
    warn_of_one_boot(next, choice);
    return choice;
  }

  static bool is_set(const GrubBoot& boot, const std::string& name) {
    const auto found = boot.environment.find(name);
    return found != boot.environment.end() && !found->second.empty();
  }

  static void warn_about(MenuChoice& choice, const MenuChoice& once, const std::string& by) {
    const auto first = once.release.empty() ? fmt::format("'{}', which is not a kernel of this image,", once.entry)
                                            : "kernel " + once.release;
    choice.warnings.push_back(fmt::format("GRUB boots {} once before it boots {} again ({}); the driver is for {}",
                                          first, choice.release, by, choice.release));
  }

  void warn_of_one_boot(const GrubBoot& next, MenuChoice& choice) {
    const auto once = choice_of(next);
    if (choice.release.empty() || once.release == choice.release) return;
    const bool by_next = next.default_sources.contains("next_entry");
    const auto* variable = by_next ? "next_entry" : "saved_entry";
    warn_about(choice, once, fmt::format("grubenv {} '{}'", variable, next.default_value));
  }

  /// What GRUB boots, when every case that is possible agrees.
  GrubBoot boot(const Saved& saved) {
    std::optional<GrubBoot> agreed;
    for (const auto rules : rules_) {
      std::vector<std::map<std::string, bool>> open{{}};
      for (int cases = 0; !open.empty(); ++cases) {
        auto assumptions = std::move(open.back());
        open.pop_back();
        auto found = run(rules, saved, assumptions);
        if (cases >= max_cases)
          throw Undetermined(fmt::format("it depends on too much that only the machine knows: '{}' and more",
                                         assumptions.empty() ? "" : assumptions.begin()->first));
        for (const auto& name : found.asked) {
          auto otherwise = assumptions;
          otherwise[name] = false;
          open.push_back(std::move(otherwise));
          assumptions[name] = true;
        }
        if (!agreed)
          agreed = std::move(found);
        else if (!same(*agreed, found))
          throw Undetermined(difference(*agreed, found));
      }
    }
    return *agreed;
  }

  GrubBoot run(GrubRules rules, const Saved& saved, const std::map<std::string, bool>& assumptions) {
    const auto [device, path] = disk_.place_of(config_);
    GrubStart start{device, path, is_below(config_, "/boot/efi"), rules, assumptions, saved};
    return run_grub(disk_, std::move(start), [this](const std::string& image) {
      return kernel_of_image(guest_, image, kernels_) != nullptr || disk_.kind("any", image) == GrubFileKind::file;
    });
  }

  bool same(const GrubBoot& a, const GrubBoot& b) {
    const auto* kernel = kernel_of_image(guest_, a.image, kernels_);
    if (kernel != nullptr) return kernel == kernel_of_image(guest_, b.image, kernels_);
    return a.image == b.image && a.title == b.title && a.trouble == b.trouble;
  }

  static std::string difference(const GrubBoot& a, const GrubBoot& b) {
    for (const auto& [name, value] : b.assumptions) {
      const auto other = a.assumptions.find(name);
      if (other != a.assumptions.end() && other->second != value)
        return fmt::format("it depends on '{}', which only the machine knows", name);
    }
    return fmt::format("it is '{}' or '{}': the disk does not tell whose GRUB it is", a.image, b.image);
  }

  MenuChoice choice_of(const GrubBoot& boot) {
    MenuChoice choice;
    choice.how = how(boot);
    if (boot.title.empty() && boot.image.empty()) {
      choice.undetermined = boot.trouble;
      return choice;
    }
    choice.entry = boot.image.empty() ? boot.title : boot.image;
    choice.rescue = is_rescue(boot);
    if (choice.rescue) return choice;
    const auto* kernel = kernel_of_image(guest_, boot.image, kernels_);
    if (kernel == nullptr) return choice;
    choice.release = kernel->release;
    choice.options = boot.options;
    if (!boot.failed_image.empty())
      choice.warnings.push_back(
          fmt::format("the default of GRUB is '{}', which is not there; GRUB goes on to {} by its "
                      "variable 'fallback'",
                      boot.failed_image, choice.release));
    return choice;
  }

  [[nodiscard]] std::string how(const GrubBoot& boot) const {
    auto by = "set default in " + (boot.menu.ends_with(".cfg") ? boot.menu : config_);
    for (const auto* name : {"saved_entry", "next_entry"})
      if (boot.default_sources.contains(name)) by = std::string("grubenv ") + name;
    const auto& value = boot.default_value;
    if (boot.default_is_known && !value.empty() && value != "0") return by;
    auto text = fmt::format("first entry of {}", boot.menu);
    if (!boot.default_is_known && !value.empty()) text += fmt::format(" ({} '{}' names none)", by, value);
    return text;
  }

  Guest& guest_;
  GuestGrubDisk& disk_;
  std::string config_;
  const std::vector<GrubRules>& rules_;
  const std::vector<Kernel>& kernels_;
};

}  // namespace

const Kernel* kernel_named(std::string name, const std::vector<Kernel>& kernels) {
  constexpr std::string_view signed_copy = ".efi.signed";
  if (name.ends_with(signed_copy)) name.resize(name.size() - signed_copy.size());
  for (const auto& kernel : kernels)
    if (name == base_name_of(kernel.image) || name == "vmlinuz-" + kernel.release) return &kernel;
  return nullptr;
}

std::vector<GrubRules> grub_rules_of(Guest& guest, const std::vector<Kernel>& kernels) {
  for (const auto* path : {"/etc/os-release", "/usr/lib/os-release"})
    if (const auto text = guest.read(path)) {
      if (const auto rules = rules_of_system(parse_assignments(*text))) return {*rules};
      break;
    }
  if (!kernels.empty())
    if (const auto rules = rules_of_release(kernels.back().release)) return {*rules};
  return {GrubRules::upstream, GrubRules::el8, GrubRules::el9};
}

MenuChoice choose_of_menu(Guest& guest, GuestGrubDisk& disk, const std::string& config,
                          const std::vector<GrubRules>& rules, const std::vector<Kernel>& kernels) {
  auto choice = Menu(guest, disk, config, rules, kernels).choose();
  if (disk.link_of_environment().empty() || choice.release.empty()) return choice;
  disk.follow_links_of_environment(false);
  const auto strict = Menu(guest, disk, config, rules, kernels).choose();
  disk.follow_links_of_environment(true);
  if (strict.release != choice.release)
    choice.warnings.push_back(fmt::format(
        "{} is a link to the EFI system partition, which GRUB does not follow: a VM of generation 1 boots {}; the "
        "driver is for {}",
        disk.link_of_environment(), strict.release.empty() ? "no kernel of this image" : strict.release,
        choice.release));
  return choice;
}

}  // namespace bake::guest
