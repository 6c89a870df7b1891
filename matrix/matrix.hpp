#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "matrix/rows.hpp"

namespace bake::matrix {

/// Returns whether a release is one of DOCA-OFED: "doca-3.2.3-019000".
bool is_doca(std::string_view version);

/// Returns the name of a driver release for messages: "MLNX_OFED 5.5-1.0.3.2", "DOCA-OFED 3.2.3-019000".
std::string product_name(std::string_view version);

/// Returns whether a bundle for `bundle_distro` fits a release whose bundles are called `os_distro`: the names are
/// equal, or the bundle is for the whole major release ("rhel8" fits "rhel8.6").
bool distro_fits(std::string_view bundle_distro, std::string_view os_distro);

/// A question to resolve(): one release, and the VM sizes that one image must support.
struct Query {
  std::string os_id;
  std::string os_version;
  std::string kernel;  ///< the kernel that boots; empty: not known
  std::vector<std::string> vm_sizes;
  /// A release that the user names, "inbox", or empty. It is considered even if the matrix does not list it (for this
  /// operating system); the rows of its release line then say which cards it drives.
  std::string ofed = {};
  /// Releases in the user's store. They are considered in the same way.
  std::vector<std::string> in_store = {};
};

/// Why a driver ranks where it does. Earlier tiers rank first. DOCA-OFED has tier `doca`, also in its long-term lines.
enum class Tier { extension, long_term, doca, other, inbox };

/// Whether a driver supports the kernel that boots, as far as public sources say.
enum class KernelSupport { supported, unknown, unsupported };

/// One driver that works.
struct Choice {
  bool inbox = false;
  std::string ofed;                   ///< "5.5-1.0.3.2", "doca-3.2.3-019000"; empty for inbox
  std::string distro;                 ///< "rhel7.7"; of a bundle for each minor release "rhel9"
  std::string file_name;              ///< MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz
  std::string url;                    ///< where the vendor published the archive, or empty
  std::string sha256;                 ///< public digest of the archive, or empty
  std::string driver;                 ///< kernel module that binds the card: "mlx5_core" or "mlx4_core"
  std::string libs;                   ///< suggested library flavour of a split bundle, else empty
  std::vector<std::string> packages;  ///< of an inbox choice
  Tier tier = Tier::other;
  KernelSupport kernel_support = KernelSupport::supported;
  bool verified = true;               ///< false: an unverified row is behind this choice
  bool rule_warns = false;            ///< whether a rule added one of `warnings`
  std::vector<std::string> reasons;   ///< why it ranks where it does
  std::vector<std::string> warnings;  ///< e.g. "unverified: the row of MLNX_OFED 4.7-1.0.0.1"
  /// The warning in `warnings` that no public source confirms that the archive exists, or empty. It does not apply to
  /// an archive in the store that a pin or a signature vouches for.
  std::string existence_warning;
};

/// The answer of resolve(). Choices are ranked, best first. Without choices, `refusals` and `suggestion` say why and
/// what works instead.
struct Resolution {
  std::vector<Choice> choices;
  std::vector<std::string> refusals;
  std::string suggestion;
  /// Why `Query::ofed` is not in `choices`, and what to do instead. Empty when it is, or when nothing is named.
  std::vector<std::string> requested_refusals, requested_remedies;
  /// Facts that do not depend on the choice: end of life, retirement, the assumed kernel, DOCA packages.
  std::vector<std::string> notes;
};

/// The packages of a guest that package_rules() compares with the rules.
struct GuestPackages {
  std::string os_id;
  std::string os_version;
  std::string agent;                     ///< version of waagent, or empty: not installed
  std::string cloud_init;                ///< version of cloud-init, or empty: not installed
  bool enable_rdma = true;               ///< whether the image will have OS.EnableRDMA=y in waagent.conf
  bool udev_renames_interfaces = false;  ///< whether the IPoIB interface gets a name like ibP257p0s0 and not ib0
  bool cloud_init_network = true;        ///< whether cloud-init configures the network of the image
};

/// A rule about a guest's packages that matches.
struct PackageFinding {
  Effect effect = Effect::warn;
  std::string message;  ///< one sentence, without the installed version
  std::string remedy;   ///< or empty
  std::string source;   ///< where the fact comes from
  std::string rule;     ///< id of the rule
};

/// The number of rows of one topic.
struct TopicCount {
  std::string topic;
  std::size_t rows = 0;
  std::size_t unverified = 0;
  std::size_t without_source = 0;
};

/// Returns every .yaml and .yml file of an overlay directory, sorted by name. Throws Error{usage} when `directory` is
/// not a directory or has no such file.
std::vector<std::filesystem::path> overlay_files(const std::filesystem::path& directory);

/// The compatibility matrix: the built-in rows, and the user's overlays, which add or replace rows. Cheap to copy.
class Matrix {
 public:
  /// Returns the rows that are compiled into the program. All calls share them.
  static Matrix built_in();
  /// Returns built_in() plus the files of `overlays`, in order. Throws Error{config} with all problems.
  static Matrix load(const std::vector<std::filesystem::path>& overlays);
  /// Returns every problem that load() finds, each with file:line. Empty: load() works.
  static std::vector<Problem> check(const std::vector<std::filesystem::path>& overlays);

  [[nodiscard]] const std::vector<OsRow>& operating_systems() const;
  [[nodiscard]] const std::vector<InboxRow>& inbox_drivers() const;
  [[nodiscard]] const std::vector<OfedRow>& ofed_releases() const;
  [[nodiscard]] const std::vector<BundleRow>& bundles() const;
  [[nodiscard]] const std::vector<SizeRow>& sizes() const;
  [[nodiscard]] const std::vector<PciRow>& pci_devices() const;
  [[nodiscard]] const std::vector<RuleRow>& rules() const;
  [[nodiscard]] const std::vector<SecureBootRow>& secure_boot() const;
  [[nodiscard]] const std::vector<ManifestRow>& extension_manifest() const;
  /// Returns the overlay rows that replaced others.
  [[nodiscard]] const std::vector<Override>& overrides() const;
  [[nodiscard]] std::vector<TopicCount> counts() const;

  /// Finds a VM size; null when the matrix does not know it. Ignores case, a missing "Standard_" and a "_Promo" suffix.
  [[nodiscard]] const SizeRow* find_size(std::string_view name) const;
  /// Throws Error{incompatible} with the closest names when the matrix does not know one of the VM sizes.
  void require_sizes(const std::vector<std::string>& names) const;
  /// Finds a release; null when the matrix does not know it. The version may be an alias: "focal", "7.7.1908". An alias
  /// also works as `id` without a version.
  [[nodiscard]] const OsRow* find_os(std::string_view id, std::string_view version) const;
  /// Finds what a kernel of a release does with the keys of the firmware: the last row that matches, so that an overlay
  /// can add a better one; null when no row matches.
  [[nodiscard]] const SecureBootRow* find_secure_boot(std::string_view id, std::string_view version,
                                                      std::string_view kernel) const;
  [[nodiscard]] const OfedRow* find_ofed(std::string_view version) const;
  /// Returns the driver release that a person means: "MLNX_OFED 5.5" → "5.5-1.0.3.2" if the matrix has one release of
  /// 5.5. Returns a whole release also if the matrix does not list it, and "" and "inbox" as they are. Throws
  /// Error{incompatible} with the possible releases.
  [[nodiscard]] std::string driver_release(const std::string& text) const;
  /// Returns the public SHA-256 of the archive with this file name, or an empty string.
  [[nodiscard]] std::string known_sha256(std::string_view file_name) const;
  /// Finds the archive with this SHA-256, independent of its file name.
  [[nodiscard]] const BundleRow* find_bundle_by_sha256(std::string_view sha256) const;

  /// Ranks the drivers for a query; docs/matrix-schema.md has the order. The same rows and query give the same answer.
  /// Throws Error{incompatible} with the closest names for an unknown size or release.
  [[nodiscard]] Resolution resolve(const Query& query) const;

  /// Returns the rules about waagent and cloud-init that match a guest, refusals first.
  [[nodiscard]] std::vector<PackageFinding> package_rules(const GuestPackages& packages) const;

  /// Returns the SHA-256 over the loaded files; manifests record it.
  [[nodiscard]] const std::string& digest() const;
  /// Returns the overlay directories, for the manifest.
  [[nodiscard]] const std::vector<std::filesystem::path>& overlays() const;

  /// The loaded rows; only files in matrix/ use them.
  struct Rows;
  [[nodiscard]] const Rows& rows() const { return *rows_; }

 private:
  explicit Matrix(std::shared_ptr<const Rows> rows) : rows_(std::move(rows)) {}
  std::shared_ptr<const Rows> rows_;
};

}  // namespace bake::matrix
