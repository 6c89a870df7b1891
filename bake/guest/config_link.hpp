#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::guest {

/// A link in the place of a configuration file.
struct ConfigLink {
  std::string path;    ///< /etc/waagent.conf
  std::string target;  ///< as the link has it; hostile input; empty for a hard link, whose other names are not known
  /// It leads to a file of the same name below /etc (or from yum.conf to dnf.conf), which is not a link itself. bake
  /// changes a file through no other link.
  bool allowed = false;

  friend bool operator==(const ConfigLink&, const ConfigLink&) = default;
};

/// Returns the link at `path`, symbolic or hard; empty when `path` is not a link.
std::optional<ConfigLink> find_config_link(Guest& guest, const std::string& path);

/// Says what the link is, for a message: "it is a link to '/root/x'".
std::string description_of(const ConfigLink& link);

/// The configuration files of the guest that a bake may edit.
const std::vector<std::string>& edited_config_files();

}  // namespace bake::guest
