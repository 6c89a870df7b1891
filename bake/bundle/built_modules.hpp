#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace bake::bundle {

/// A package with DKMS sources, as the store has it.
struct SourcePackage {
  std::string name;
  std::string version;
  std::string sha256;  ///< of the package file

  friend bool operator==(const SourcePackage&, const SourcePackage&) = default;
};

/// A file of BuiltModules.
struct ModuleArchive {
  /// The DKMS module whose tree it has (dkms(8), mktarball): "mlnx-ofed-kernel/25.10"; empty: files of the vendor's
  /// source tree that the build made, below usr/src.
  std::string module;
  std::string file;  ///< a plain name
  std::string sha256;
  std::uint64_t size = 0;  ///< bytes

  friend bool operator==(const ModuleArchive&, const ModuleArchive&) = default;
};

/// Modules that DKMS compiled in one image, for other images with the same kernel and the same sources. `bake modules
/// export` makes them.
struct BuiltModules {
  std::string name;      ///< "doca-3.2.3-019000 for 6.8.0-1015-azure"
  std::string kernel;    ///< the release
  std::string arch;      ///< "x86_64"
  std::string vermagic;  ///< of the kernel's own modules, which tells two builds of a release apart; or empty
  std::string distro;    ///< "ubuntu24.04"
  std::string ofed;      ///< "doca-3.2.3-019000"
  std::vector<SourcePackage> sources;
  std::vector<ModuleArchive> archives;

  // What the store adds.
  std::string id;   ///< sha256 of the file that was added
  std::string pin;  ///< what vouched for that digest: "command line"
  std::string payload_sha256;
  std::uint64_t payload_size = 0;
  std::filesystem::path directory;  ///< where the store keeps it

  [[nodiscard]] std::filesystem::path payload() const { return directory / "payload.iso"; }
  /// Whether it has the modules of all `packages`, by their digests.
  [[nodiscard]] bool has_all(const std::vector<std::string>& packages) const;
};

inline constexpr std::string_view modules_schema = "bake/modules/v1";
/// The name of the description in an exported file, its first entry.
inline constexpr std::string_view modules_entry = "modules.json";
/// The size limits of a description, and of each archive that it names.
inline constexpr std::size_t max_modules_json = std::size_t{1} << 20U;
inline constexpr std::size_t max_module_archive = std::size_t{256} << 20U;
inline constexpr std::size_t max_module_archives = 64;
inline constexpr std::uint64_t max_modules_size = std::uint64_t{1} << 30U;

/// Returns whether a file may have this name: "NAME-VERSION.dkms.tar.gz", or module_tree.
bool is_module_archive(std::string_view name);
/// The archive of the vendor's source tree.
inline constexpr std::string_view module_tree = "source-tree.tar.gz";

/// Returns the description; with `stored`, also what the store adds.
nlohmann::ordered_json to_json(const BuiltModules& modules, bool stored = false);

/// Reads a description. Throws Error{untrusted} with the name of `source` when a field is missing or wrong: file names
/// that are not plain, sizes above the limits, digests that are not sha256.
BuiltModules built_modules_from(std::string_view text, const std::string& source);

}  // namespace bake::bundle
