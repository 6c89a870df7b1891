#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bake/boot/grub_disk.hpp"
#include "bake/boot/grub_env.hpp"
#include "bake/boot/grub_menu.hpp"

namespace bake::guest {

/// Where GRUB begins, and what is taken for granted of the machine.
struct GrubStart {
  std::string device;  ///< of the grub.cfg
  std::string config;  ///< its path on that device
  bool efi = false;
  GrubRules rules = GrubRules::upstream;
  /// What commands that depend on the machine say ("keystatus --shift"): true is success. What is asked and is not here
  /// is taken as true and added.
  std::map<std::string, bool> assumptions;
  /// Changes that an earlier boot made to the environment block; no value: the variable was deleted.
  std::map<std::string, std::optional<std::string>> saved;
};

/// The entry that GRUB boots without a key press.
struct GrubBoot {
  std::string title;  ///< of the entry; empty when the menu is empty
  std::string id;
  std::string image;    ///< argument of linux: "/boot/vmlinuz-…"; empty when the entry loads no Linux
  std::string options;  ///< the rest of that line
  std::string trouble;  ///< why there is no menu, or what ended GRUB instead of an entry

  std::string menu;                       ///< guest path of the first menu: a grub.cfg, or the directory of BLS entries
  std::string default_value;              ///< of the variable "default" at the first menu
  std::set<std::string> default_sources;  ///< variables of which that value was made: "saved_entry"
  bool default_is_known = true;           ///< false: no entry has that name, GRUB takes the first
  bool default_is_first = false;
  std::string failed_image;  ///< an image that is not there, so that GRUB went on with "fallback"

  GrubVariables environment;                                ///< as it was loaded first: next_entry, saved_entry, …
  std::map<std::string, bool> assumptions;                  ///< all that were made
  std::vector<std::string> asked;                           ///< those that GrubStart did not have, in order
  std::map<std::string, std::optional<std::string>> saved;  ///< changes to the environment block
};

/// Runs a grub.cfg to the point where GRUB starts a kernel: the script, the menu with its default, the entry, submenus,
/// nested configurations and fallbacks. `image_is_there` tells whether the argument of linux names a file of the disk.
/// Throws Undetermined when the outcome cannot be told, or when a limit is reached: guest files are hostile input.
GrubBoot run_grub(GrubDisk& disk, GrubStart start, const std::function<bool(const std::string&)>& image_is_there);

}  // namespace bake::guest
