#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "matrix/rows.hpp"

namespace bake::matrix {

/// What is asked: an operating system (kernel empty: not known yet) and the VM sizes one image must serve.
struct Query {
  std::string os_id;
  std::string os_version;
  std::string kernel;
  std::vector<std::string> vm_sizes;
  /// A release the user named or holds, "inbox", or empty. A release is judged by its line where the table does not
  /// list it (for this operating system), so that a bundle in hand counts for more than a missing row.
  std::string ofed = {};
  /// More releases that are in hand, judged in the same way.
  std::vector<std::string> held = {};
};

/// One driver that would work.
struct Choice {
  bool inbox = false;
  std::string ofed;                   ///< "5.5-1.0.3.2"; empty for inbox
  std::string distro;                 ///< "rhel7.7"
  std::string file_name;              ///< MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz
  std::string url;                    ///< where the archive was published, or empty
  std::string sha256;                 ///< known digest, or empty
  std::string driver;                 ///< kernel module that binds the card: "mlx5_core" or "mlx4_core"
  std::string libs;                   ///< suggested library flavour of a split bundle, else empty
  std::vector<std::string> packages;  ///< of an inbox choice
  std::vector<std::string> reasons;   ///< why it ranks where it does
  std::vector<std::string> warnings;  ///< e.g. "row is unverified"
  std::string doubt;  ///< the one of `warnings` that is settled by having the archive, vouched for, in hand; or empty
};

/// choices: best first. When there are none, refusals say why and `nearest` what would work instead.
struct Resolution {
  std::vector<Choice> choices;
  std::vector<std::string> refusals;
  std::string nearest;
  /// Why what `Query::ofed` names is not among `choices`, and what to do instead; empty when it is, or nothing is
  /// named.
  std::vector<std::string> asked_refusals, asked_remedies;
  std::vector<std::string> notes;  ///< worth knowing whatever is chosen: DOCA not yet bakeable, end of life, retirement
};

/// What the rules say of a version of the Azure Linux agent.
struct AgentVerdict {
  bool breaks_ipoib = false;  ///< it leaves the IPoIB interface without an address
  std::string message;        ///< one sentence; empty: nothing to say
  std::string remedy;
  std::string rule;  ///< id of the rule
};

/// How many rows there are of one topic.
struct TopicCount {
  std::string topic;
  std::size_t rows = 0;
  std::size_t unverified = 0;
  std::size_t without_source = 0;
};

/// The files of an overlay, sorted by name: every .yaml and .yml of the directory. Throws Error{usage} when it is no
/// directory or holds none.
std::vector<std::filesystem::path> overlay_files(const std::filesystem::path& directory);

/// The compatibility matrix: built-in rows, then the user's overlays, which add or override rows. Cheap to copy.
class Matrix {
 public:
  /// The rows that are compiled into the program. Read once; later calls share them.
  static Matrix built_in();
  /// built_in() plus overlay_files() of `overlays`, in order. Throws Error{config} with all problems; nothing half
  /// loaded.
  static Matrix load(const std::vector<std::filesystem::path>& overlays);
  /// Every problem load() would find, each with file:line; empty: it would load.
  static std::vector<Problem> check(const std::vector<std::filesystem::path>& overlays);

  [[nodiscard]] const std::vector<OsRow>& operating_systems() const;
  [[nodiscard]] const std::vector<InboxRow>& inbox_drivers() const;
  [[nodiscard]] const std::vector<OfedRow>& ofed_releases() const;
  [[nodiscard]] const std::vector<BundleRow>& bundles() const;
  [[nodiscard]] const std::vector<SizeRow>& sizes() const;
  [[nodiscard]] const std::vector<PciRow>& pci_devices() const;
  [[nodiscard]] const std::vector<RuleRow>& rules() const;
  [[nodiscard]] const std::vector<ManifestRow>& extension_manifest() const;
  /// Overlay rows that took the place of others.
  [[nodiscard]] const std::vector<Override>& overrides() const;
  [[nodiscard]] std::vector<TopicCount> counts() const;

  /// Case does not matter, "Standard_" may be left out and a "_Promo" suffix is ignored.
  [[nodiscard]] const SizeRow* find_size(std::string_view name) const;
  /// Throws Error, with the closest names, as resolve() would, when one of `names` is no VM size of the matrix.
  void require_sizes(const std::vector<std::string>& names) const;
  /// The version may also be an alias: "focal", "7.7.1908".
  [[nodiscard]] const OsRow* find_os(std::string_view id, std::string_view version) const;
  [[nodiscard]] const OfedRow* find_ofed(std::string_view version) const;
  /// The published SHA-256 of the archive of this file name; empty when none is known.
  [[nodiscard]] std::string known_sha256(std::string_view file_name) const;
  /// The archive with this SHA-256, whatever its file is called now.
  [[nodiscard]] const BundleRow* find_bundle_by_sha256(std::string_view sha256) const;

  /// Deterministic; throws Error{incompatible} for an unknown size or release, naming the closest known ones.
  [[nodiscard]] Resolution resolve(const Query& query) const;

  /// What is known of waagent `version` ("2.9.1.1") and IPoIB. An empty version gets an empty verdict.
  [[nodiscard]] AgentVerdict agent_verdict(std::string_view version) const;

  /// sha256 over the loaded files: recorded in manifests.
  [[nodiscard]] const std::string& digest() const;
  /// Overlay directories in use, for the manifest.
  [[nodiscard]] const std::vector<std::filesystem::path>& overlays() const;

  /// The loaded rows, for the files of this room.
  struct Rows;
  [[nodiscard]] const Rows& rows() const { return *rows_; }

 private:
  explicit Matrix(std::shared_ptr<const Rows> rows) : rows_(std::move(rows)) {}
  std::shared_ptr<const Rows> rows_;
};

}  // namespace bake::matrix
