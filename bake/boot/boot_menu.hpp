#pragma once

#include <string>
#include <vector>

#include "bake/boot/grub_disk.hpp"
#include "bake/boot/grub_menu.hpp"
#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// What one grub.cfg boots.
struct MenuChoice {
  std::string menu;          ///< guest path of the grub.cfg
  std::string entry;         ///< its image, or its title when it loads no Linux; empty when it cannot be determined
  bool rescue = false;       ///< a rescue entry
  std::string release;       ///< empty when that is not one of the kernels, or is a rescue entry
  std::string how;           ///< what says so: "grubenv saved_entry"
  std::string options;       ///< kernel command line
  std::string undetermined;  ///< why it cannot be told
  std::vector<std::string> warnings;
};

/// The rules of the guest's GRUB by its os-release, else by its newest kernel; all of them when neither says.
std::vector<GrubRules> grub_rules_of(Guest& guest, const std::vector<Kernel>& kernels);

/// Evaluates the grub.cfg at the guest path `config`. Where the outcome depends on the machine or on rules that are not
/// known, every case is tried: when they disagree, the choice is undetermined.
MenuChoice choose_of_menu(Guest& guest, GuestGrubDisk& disk, const std::string& config,
                          const std::vector<GrubRules>& rules, const std::vector<Kernel>& kernels);

/// The kernel whose image is called `name`; Ubuntu 16.04 and 18.04 boot a signed copy on EFI machines.
const Kernel* kernel_named(std::string name, const std::vector<Kernel>& kernels);

}  // namespace bake::guest
