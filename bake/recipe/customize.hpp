#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace bake::recipe {

/// A file or directory of this machine that goes into the image.
struct CustomFile {
  std::filesystem::path source;  ///< as written, resolved against the recipe's directory
  std::string path;              ///< absolute, in the image
  unsigned mode = 0;             ///< 0: that of the source, without write access for others
  unsigned uid = 0, gid = 0;

  friend bool operator==(const CustomFile&, const CustomFile&) = default;
};

/// A line that a text file of the image must have.
struct CustomLine {
  std::string path;
  std::string line;

  friend bool operator==(const CustomLine&, const CustomLine&) = default;
};

/// An account that the image gets. It has no password.
struct CustomUser {
  std::string name;
  std::vector<std::string> groups;  ///< in addition to its own; they must exist
  std::string shell = "/bin/bash";
  std::vector<std::filesystem::path> authorized_keys;  ///< files of public keys

  friend bool operator==(const CustomUser&, const CustomUser&) = default;
};

/// Everything that an image gets in addition to the driver: `customize` of a recipe.
struct Customize {
  std::vector<std::string> packages;  ///< of the extra packages
  std::vector<std::string> remove;    ///< names of packages
  std::vector<CustomFile> files;
  std::vector<CustomLine> lines;
  std::map<std::string, std::string> sysctl;
  std::vector<std::string> enable, disable, mask;  ///< units of systemd
  std::vector<CustomUser> users;
  std::vector<std::filesystem::path> run;         ///< scripts that run in the guest, in this order
  std::vector<std::filesystem::path> first_boot;  ///< scripts that the VM runs once, in this order

  [[nodiscard]] bool empty() const { return *this == Customize(); }
  friend bool operator==(const Customize&, const Customize&) = default;
};

}  // namespace bake::recipe
