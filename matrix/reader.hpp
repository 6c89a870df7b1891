#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "matrix/matrix.hpp"

namespace bake::matrix {

/// All rows of all topics. As the reader leaves them, rows are in file order; link() fills what rows take from others.
struct Matrix::Rows {
  std::vector<OsRow> operating_systems;
  std::vector<InboxRow> inbox_drivers;
  std::vector<OfedRow> ofed_releases;
  std::vector<BundleRow> bundles;
  std::vector<SizeRow> vm_sizes;
  std::vector<PciRow> pci_devices;
  std::vector<RuleRow> rules;
  std::vector<ManifestRow> extension_manifest;

  std::vector<Override> overrides;
  std::vector<std::filesystem::path> overlays;
  std::string digest;
};

/// The key two rows of a topic must not share within one layer; an overlay's row replaces the one with its key.
std::string key_of(const OsRow& row);
std::string key_of(const InboxRow& row);
std::string key_of(const OfedRow& row);
std::string key_of(const BundleRow& row);
std::string key_of(const SizeRow& row);
std::string key_of(const PciRow& row);
std::string key_of(const RuleRow& row);
std::string key_of(const ManifestRow& row);

/// Calls `visit(name, vector)` for each topic of `rows`; several Rows side by side give visit(name, vectors…).
template <typename Visitor, typename... AllRows>
void for_each_topic(Visitor visit, AllRows&... rows) {
  visit("operating_systems", rows.operating_systems...);
  visit("inbox_drivers", rows.inbox_drivers...);
  visit("ofed_releases", rows.ofed_releases...);
  visit("bundles", rows.bundles...);
  visit("vm_sizes", rows.vm_sizes...);
  visit("pci_devices", rows.pci_devices...);
  visit("rules", rows.rules...);
  visit("extension_manifest", rows.extension_manifest...);
}

/// Appends the rows of one YAML file to `rows` and what is wrong with them to `problems`.
void read_rows(std::string_view text, const std::filesystem::path& file, Matrix::Rows& rows,
               std::vector<Problem>& problems);

/// Card generations, oldest first.
const std::vector<std::string>& known_generations();

/// The version and distro that an archive's name states: "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz".
struct BundleName {
  std::string ofed, distro, arch, file;
};
/// Takes a path or URL; empty fields when its last part is no bundle's name.
BundleName parse_bundle_name(std::string_view link);

}  // namespace bake::matrix
