#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bake::guest {

/// An entry of GRUB's menu: a kernel to boot, or a submenu.
struct GrubEntry {
  std::string title;
  std::string id;
  std::string image;    ///< argument of linux, linux16 or linuxefi: "/boot/vmlinuz-…", relative to its file system
  std::string options;  ///< the rest of that line
  std::vector<GrubEntry> entries;  ///< of a submenu
};

/// What decides the boot in a grub.cfg. The file is a script; only what grub-mkconfig writes is understood.
struct GrubMenu {
  std::vector<GrubEntry> entries;
  /// Value of the last "set default=", unless it is the one-time ${next_entry}; empty when there is none.
  std::string default_value;
  bool uses_next_entry = false;
  bool uses_bls = false;                         ///< runs blscfg: the menu is /boot/loader/entries
  std::map<std::string, std::string> variables;  ///< other plain "set name=value"
};

GrubMenu parse_grub_cfg(std::string_view text);

/// The variables of a GRUB environment block. Without its signature line GRUB takes nothing from it, nor does this.
std::map<std::string, std::string> parse_grubenv(std::string_view text);

/// A Boot Loader Specification entry, /boot/loader/entries/<id>.conf, as a menu entry.
GrubEntry parse_bls_entry(std::string_view id, std::string_view text);

/// The entry that GRUB takes for a default of `wanted`: an index, title or id, "a>b" into submenus. A submenu stands
/// for its first entry. Null when nothing matches (GRUB then takes the first entry).
const GrubEntry* choose_entry(const std::vector<GrubEntry>& entries, std::string_view wanted);

/// The first entry, entering a submenu; null for an empty menu.
const GrubEntry* first_entry(const std::vector<GrubEntry>& entries);

/// `text` with $name and ${name} replaced; unknown variables are empty, as in GRUB.
std::string expand_variables(std::string_view text, const std::map<std::string, std::string>& variables);

}  // namespace bake::guest
