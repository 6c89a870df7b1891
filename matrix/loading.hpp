#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "matrix/matrix.hpp"

namespace bake::matrix {

/// All rows of all topics. The reader leaves rows in file order; link_rows() fills the fields that come from other
/// rows.
struct Matrix::Rows {
  std::vector<OsRow> operating_systems;
  std::vector<InboxRow> inbox_drivers;
  std::vector<OfedRow> ofed_releases;
  std::vector<BundleRow> bundles;
  std::vector<SizeRow> vm_sizes;
  std::vector<PciRow> pci_devices;
  std::vector<RuleRow> rules;
  std::vector<SecureBootRow> secure_boot;
  std::vector<ManifestRow> extension_manifest;

  std::vector<Override> overrides;
  std::vector<std::filesystem::path> overlays;
  std::string digest;
};

/// Returns the key of a row. Two rows of a topic must not share a key within one layer; an overlay's row replaces the
/// row with the same key.
std::string key_of(const OsRow& row);
std::string key_of(const InboxRow& row);
std::string key_of(const OfedRow& row);
std::string key_of(const BundleRow& row);
std::string key_of(const SizeRow& row);
std::string key_of(const PciRow& row);
std::string key_of(const RuleRow& row);
std::string key_of(const SecureBootRow& row);
std::string key_of(const ManifestRow& row);

/// Calls `visit(name, vector)` for each topic of `rows`. With several Rows it calls visit(name, vectors…).
template <typename Visitor, typename... AllRows>
void for_each_topic(Visitor visit, AllRows&... rows) {
  visit("operating_systems", rows.operating_systems...);
  visit("inbox_drivers", rows.inbox_drivers...);
  visit("ofed_releases", rows.ofed_releases...);
  visit("bundles", rows.bundles...);
  visit("vm_sizes", rows.vm_sizes...);
  visit("pci_devices", rows.pci_devices...);
  visit("rules", rows.rules...);
  visit("secure_boot", rows.secure_boot...);
  visit("extension_manifest", rows.extension_manifest...);
}

/// Appends the rows of one YAML file to `rows`, and every problem of that file to `problems`.
void read_rows(std::string_view text, const std::filesystem::path& file, Matrix::Rows& rows,
               std::vector<Problem>& problems);

/// Fills the fields that come from other rows: the distros and digests of a driver release from its bundles, the inbox
/// packages and kernel pins of an operating system, and a bundle for every Linux archive of the extension's manifest.
/// A second call changes nothing.
void link_rows(Matrix::Rows& rows);

/// Returns the problems between linked rows: references to missing rows, duplicates, and rules that never match or
/// overlap. Each problem names the line of its row.
std::vector<Problem> check_rows(const Matrix::Rows& rows);

/// Returns the contradictions within the extension's manifest, or between it and other rows. They do not prevent
/// loading, because resolve() reads the other rows first.
std::vector<Problem> check_manifest(const Matrix::Rows& rows);

/// Returns the card generations, oldest first.
const std::vector<std::string>& known_generations();

/// The parts of an archive's name: "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz".
struct BundleName {
  std::string ofed, distro, arch, file;
};
/// Splits the last part of a path or URL. Returns empty fields when it is not the name of a bundle.
BundleName parse_bundle_name(std::string_view link);

/// Returns whether a row of the manifest names this release: "RHEL/CentOS" "7.6" names CentOS 7.6 and RHEL 7.6.
bool names_os(const ManifestRow& row, const OsRow& os);

}  // namespace bake::matrix
