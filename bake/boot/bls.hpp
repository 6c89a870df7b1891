#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bake/boot/grub_menu.hpp"

namespace bake::guest {

/// A file of /boot/loader/entries as GRUB reads it: lines of a key and a value.
struct BlsEntry {
  std::string name;                                        ///< of the file, without .conf
  std::vector<std::pair<std::string, std::string>> lines;  ///< key, value

  /// The first value of a key, or empty.
  [[nodiscard]] std::optional<std::string> value(std::string_view key) const;
};

/// As read_entry of blscfg.c does: a line without a value, an empty one too, ends the entry.
BlsEntry parse_bls_entry(std::string_view name, std::string_view text);

/// 1, 0 or -1 as version `a` is newer than, equal to or older than `b`, compared as vercmp of blscfg.c does; the
/// branches of EL9 and later know '+' too.
int compare_bls_versions(std::string_view a, std::string_view b, GrubRules rules);

/// Puts the entries into the order of the menu. Throws Undetermined when two compare equal: which is first, or is left
/// out, depends on the order of the directory on the disk.
void sort_bls_entries(std::vector<BlsEntry>& entries, GrubRules rules);

/// A value with its $variables replaced as expand_val of blscfg.c does: a blank follows each, and an unknown one is
/// empty.
std::string expand_bls_value(std::string_view value,
                             const std::function<std::optional<std::string>(const std::string&)>& variable,
                             GrubRules rules);

}  // namespace bake::guest
