#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/boot/grub_script.hpp"

namespace bake::guest {

/// What differs between the GRUBs of distributions when they choose an entry (grub-core/normal/menu.c) and order the
/// entries of the Boot Loader Specification (grub-core/commands/blscfg.c), by the branches of rhboot/grub2.
enum class GrubRules {
  upstream,  ///< Debian, Ubuntu, EL7: a default that begins with a number is an index, then title or id
  el8,       ///< id, then title, then index; entries by their version field
  el9,       ///< EL9, EL10, Fedora: as EL8, but entries by file name, and a submenu keeps the default
};

/// An entry of GRUB's menu.
struct GrubEntry {
  std::string title;
  std::string id;                      ///< the title when the entry names none
  std::vector<std::string> arguments;  ///< $1, $2, … of its commands
  std::shared_ptr<const ScriptBlock> body;
  bool submenu = false;
  std::string source;  ///< guest path of the grub.cfg, or of the directory with its .conf file
};

/// The result of GRUB's strtoul with base 0: decimal, 0x for hexadecimal, 0 for octal.
struct GrubNumber {
  std::uint64_t value = 0;
  std::size_t end = 0;    ///< position of the first character after the number
  bool found = false;     ///< there is a digit
  bool overflow = false;  ///< it does not fit into 64 bits
};
GrubNumber parse_grub_number(std::string_view text);

/// The same with a sign, as `test` compares: 0 when there is no number.
std::int64_t parse_signed_grub_number(std::string_view text);

/// Position of the entry that the value of "default" names, or empty when it names none of them; GRUB then takes the
/// first.
std::optional<std::size_t> find_grub_entry(GrubRules rules, const std::vector<GrubEntry>& entries,
                                           std::string_view value);

/// The next entry of the list in the variable "fallback", which is taken out of `value`; empty at its end.
std::optional<std::size_t> take_fallback_entry(GrubRules rules, const std::vector<GrubEntry>& entries,
                                               std::string& value);

/// What follows the first '>' in the value of "default", for the submenu; empty when nothing does. ">>" means one '>'
/// of a title.
std::optional<std::string> default_of_submenu(std::string_view value);

}  // namespace bake::guest
