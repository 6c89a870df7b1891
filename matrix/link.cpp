#include <algorithm>
#include <set>

#include "bake/base/text.hpp"
#include "matrix/loading.hpp"

namespace bake::matrix {
namespace {

void add_manifest_bundles(Matrix::Rows& rows) {
  for (const auto& row : rows.extension_manifest) {
    const auto name = parse_bundle_name(row.link);
    if (row.os != "Linux" || name.ofed.empty()) continue;
    BundleRow bundle;
    bundle.ofed = name.ofed;
    bundle.distro = name.distro;
    bundle.arch = name.arch;
    bundle.file = name.file;
    bundle.url = row.link;
    bundle.provenance = row.provenance;
    bundle.provenance.unverified = true;  // the table names the archive; it does not prove that the archive exists
    bundle.recognised_only = std::none_of(rows.operating_systems.begin(), rows.operating_systems.end(),
                                          [&](const OsRow& os) { return distro_fits(bundle.distro, os.distro); });
    const auto known = std::find_if(rows.bundles.begin(), rows.bundles.end(),
                                    [&](const BundleRow& other) { return key_of(other) == key_of(bundle); });
    if (known == rows.bundles.end())
      rows.bundles.push_back(std::move(bundle));
    else if (known->url.empty())
      known->url = bundle.url;
  }
}

void collect_distros(Matrix::Rows& rows) {
  for (auto& release : rows.ofed_releases) {
    release.distros.clear();
    release.sha256.clear();
    for (const auto& bundle : rows.bundles) {
      if (bundle.ofed != release.version || bundle.arch != "x86_64" || bundle.recognised_only) continue;
      release.distros.push_back(bundle.distro);
      if (!bundle.sha256.empty()) release.sha256[bundle.distro] = bundle.sha256;
    }
    std::sort(release.distros.begin(), release.distros.end(),
              [](const std::string& a, const std::string& b) { return compare_versions(a, b) < 0; });
  }
}

void complete_operating_systems(Matrix::Rows& rows) {
  for (auto& os : rows.operating_systems) {
    os.inbox.clear();
    for (const auto& inbox : rows.inbox_drivers)
      if (inbox.key == os.inbox_key) os.inbox = inbox.packages;
    os.kernel_pins.clear();
    os.kernel_devel_url.clear();
    for (const auto& row : rows.extension_manifest) {
      if (row.kernel_devel.empty() || !names_os(row, os)) continue;
      if (std::find(os.kernel_pins.begin(), os.kernel_pins.end(), row.kernel_devel) == os.kernel_pins.end())
        os.kernel_pins.push_back(row.kernel_devel);
      if (os.kernel_devel_url.empty()) os.kernel_devel_url = row.kernel_devel_url;
    }
  }
}

/// Moves the distributions that the VM extension supports to the front, because most people look these up.
void order_operating_systems(Matrix::Rows& rows) {
  std::set<std::string> supported;
  for (const auto& os : rows.operating_systems)
    if (os.extension) supported.insert(os.id);
  std::stable_partition(rows.operating_systems.begin(), rows.operating_systems.end(),
                        [&](const OsRow& os) { return supported.contains(os.id); });
}

/// Moves the VM sizes that Azure retires to the end.
void order_sizes(Matrix::Rows& rows) {
  std::stable_partition(rows.vm_sizes.begin(), rows.vm_sizes.end(),
                        [](const SizeRow& size) { return size.retires.empty(); });
}

}  // namespace

bool distro_fits(std::string_view bundle_distro, std::string_view os_distro) {
  if (bundle_distro == os_distro) return true;
  return bundle_distro.find('.') == std::string_view::npos && os_distro.size() > bundle_distro.size() &&
         os_distro.starts_with(bundle_distro) && os_distro[bundle_distro.size()] == '.';
}

bool names_os(const ManifestRow& row, const OsRow& os) {
  if (row.os != "Linux" || row.version != os.version) return false;
  for (const auto& name : split(to_lower(row.distro), '/'))
    if (trim(name) == os.id) return true;
  return false;
}

void link_rows(Matrix::Rows& rows) {
  add_manifest_bundles(rows);
  collect_distros(rows);
  complete_operating_systems(rows);
  order_operating_systems(rows);
  order_sizes(rows);
}

}  // namespace bake::matrix
