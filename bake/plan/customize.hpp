#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/recipe/customize.hpp"

namespace bake::plan {

/// A file that the image gets from this machine.
struct ImageFile {
  std::filesystem::path source;
  std::string path;
  unsigned mode = 0644;
  unsigned uid = 0, gid = 0;
  std::string sha256;
  std::uint64_t size = 0;  ///< bytes

  friend bool operator==(const ImageFile&, const ImageFile&) = default;
};

/// An account that the image gets.
struct ImageUser {
  std::string name;
  std::vector<std::string> groups;
  std::string shell;
  std::string authorized_keys;  ///< the content of the file; empty: no file

  [[nodiscard]] std::string home() const { return "/home/" + name; }
  [[nodiscard]] std::string keys_file() const { return home() + "/.ssh/authorized_keys"; }
  friend bool operator==(const ImageUser&, const ImageUser&) = default;
};

/// A script that runs in the guest.
struct ImageScript {
  std::filesystem::path source;
  std::string name;  ///< of the file
  std::string sha256;

  friend bool operator==(const ImageScript&, const ImageScript&) = default;
};

/// `customize` of a recipe with what its files contain, without its packages and services.
struct Customization {
  std::vector<ImageFile> files;  ///< directories are expanded; the scripts of the first boot are among them
  std::vector<recipe::CustomLine> lines;
  std::map<std::string, std::string> sysctl;
  std::vector<std::string> mask;
  std::vector<ImageUser> users;
  std::vector<ImageScript> run;
  bool has_first_boot = false;

  [[nodiscard]] bool empty() const { return *this == Customization(); }
  friend bool operator==(const Customization&, const Customization&) = default;
};

/// The state of a customized image, for its verification. Lines and keys are digests, because the manifest must not
/// contain them.
struct CustomizedState {
  std::map<std::string, std::string> files;               ///< path → state (guest::Guest::fingerprints)
  std::map<std::string, std::vector<std::string>> lines;  ///< path → sha256 of each line
  std::map<std::string, std::string> users;               ///< name → sha256 of the authorized keys, or empty
  std::vector<std::string> masked;                        ///< units
  std::vector<std::string> scripts;                       ///< that ran in the guest

  [[nodiscard]] bool empty() const { return *this == CustomizedState(); }
  friend bool operator==(const CustomizedState&, const CustomizedState&) = default;
};

/// Directories of the scripts of the first boot.
inline constexpr const char* first_boot_scripts = "/usr/lib/bake/first-boot.d";

CustomizedState expected_state(const Customization& customization);

/// For plans and manifests: what is done, with digests, without the lines and keys themselves.
nlohmann::ordered_json to_json(const Customization& customization);
nlohmann::ordered_json to_json(const CustomizedState& state);
CustomizedState customized_state_from(const nlohmann::json& json);

}  // namespace bake::plan
