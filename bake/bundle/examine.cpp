#include "bake/bundle/examine.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/doca_layout.hpp"
#include "bake/bundle/layout.hpp"
#include "bake/bundle/module_sources.hpp"
#include "bake/bundle/package_scan.hpp"
#include "bake/packages/deb_index.hpp"
#include "bake/packages/release_tag.hpp"
#include "bake/packages/rpm_header.hpp"
#include "bake/packages/rpm_index.hpp"

namespace bake::bundle {
namespace {

constexpr std::size_t max_index = std::size_t{12} << 20U;   // the largest real one, a filelists.xml, has 5 MiB
constexpr std::size_t max_release = std::size_t{1} << 20U;  // Release, repomd.xml: a page
constexpr std::size_t max_described = 2 * max_index;  // what headers say, in place of primary.xml and filelists.xml

/// Returns the difference between `found` and `expected`, or an empty string. Compares size and the strongest digest.
std::string difference(const IndexedFile& expected, std::uint64_t size, const Digests& found) {
  if (expected.size != 0 && expected.size != size)
    return fmt::format("{} bytes expected, {} found", expected.size, size);
  const auto& [algorithm, digest] = *expected.digests.rbegin();
  if (found.at(algorithm) == digest) return {};
  return fmt::format("{} {}… expected, {}… found", name_of(algorithm), digest.substr(0, 16),
                     found.at(algorithm).substr(0, 16));
}

class Examiner {
 public:
  Examiner(const StagedBundle& staged, const signature::KeyRing& ring, bool ignore_indexes, Progress& progress)
      : tree_(staged.tree), ring_(ring), ignore_indexes_(ignore_indexes), progress_(progress) {
    result_.report.archive_sha256 = staged.archive_sha256;
    result_.report.from_directory = staged.from_directory;
    if (is_outer_bundle(staged.top))
      identify_doca();
    else
      identify_bundle(staged.top);
  }

  Examination run() {
    auto layout = doca_ ? doca_->layout : find_layout(tree_.paths(), result_.bundle.name);
    result_.bundle.layout = layout.family;
    result_.bundle.format = layout.format;
    for (auto& place : layout.places) {
      if (ignore_indexes_) ignore_index(place);
      any_index_ = any_index_ || !place.index.empty();
      examine_place(place);
    }
    report_unlisted();
    report_other_releases();
    if (doca_) describe_doca();
    return std::move(result_);
  }

 private:
  void identify_bundle(const std::string& top) {
    std::map<std::string, std::string> texts;
    for (const std::string file : {".mlnx", ".arch", "distro"})
      if (tree_.resolve(file)) texts.emplace(file, tree_.read(file, 4096));
    const auto name = identify(top, texts, result_.report.identity_problems);
    result_.bundle.name = top;
    result_.bundle.version = name.version;
    result_.bundle.distro = name.distro;
    result_.bundle.arch = name.arch;
    result_.bundle.rebuilt = name.rebuilt;
  }

  void identify_doca() {
    doca_ = read_doca_content(tree_, result_.report.identity_problems);
    const auto& identity = doca_->identity;
    result_.bundle.name = identity.name;
    result_.bundle.version = identity.version;
    result_.bundle.distro = identity.distro;
    result_.bundle.arch = identity.arch;
    result_.bundle.doca = identity.release;
    result_.report.shipped_keys = doca_->keys;
    result_.report.declares_trust = doca_->source.declares_trust;
  }

  /// Adds what only the packages say, and compares them with the outer package.
  void describe_doca() {
    auto& release = *result_.bundle.doca;
    const auto& packages = result_.bundle.repositories.at(0).packages;
    const auto sources = module_sources(result_.bundle);
    const bool kmp = std::any_of(sources.begin(), sources.end(), [](const auto& one) { return one.from == "kmp"; });
    if (release.family.empty()) release.family = kmp || compare_versions(release.version, "3.2") < 0 ? "D2" : "D3";
    if (release.kernel.empty()) release.ofed = ofed_of_packages(packages, release.ofed);
    const auto add = [&](const std::string& file, std::string message) {
      result_.report.identity_problems.push_back({file, std::move(message), ""});
    };
    for (const auto& package : packages) {
      if (package.arch == "arm64" || package.arch == "aarch64")
        add(package.file, fmt::format("is for {}, the package says {}", package.arch, result_.bundle.arch));
      if (!release.kernel.empty() && !package.built_kernel.empty() && package.built_kernel != release.kernel)
        add(package.file, fmt::format("has modules for kernel '{}', its directory says '{}'",
                                      printable(package.built_kernel), printable(release.kernel)));
    }
  }

  /// Notes a signed index before it is left unread.
  void ignore_index(RepositoryPlace& place) {
    if (place.index.empty()) return;
    const bool rpm = result_.bundle.format == PackageFormat::rpm;
    const auto signed_file = rpm ? place.index : directory_of(place.index) + "/Release";
    if (tree_.resolve(signed_file + (rpm ? ".asc" : ".gpg"))) result_.report.ignored_indexes.push_back(signed_file);
    if (const auto inline_signed = directory_of(place.index) + "/InRelease"; !rpm && tree_.resolve(inline_signed))
      result_.report.ignored_indexes.push_back(inline_signed);
    place.index.clear();
  }

  static std::string directory_of(const std::string& file) { return file.substr(0, file.rfind('/')); }

  void examine_place(const RepositoryPlace& place) {
    progress_.step(fmt::format("checking {}", place.directory));
    Repository repository{place.flavour, place.directory, !place.index.empty(), {}};
    IndexTexts texts;
    const bool rpm = result_.bundle.format == PackageFormat::rpm;
    const auto packages = place.index.empty() ? scan_headers(place.directory, texts)
                          : rpm               ? read_rpm_index(place)
                                              : read_deb_index(place, texts);
    for (const auto& package : packages)
      if (auto checked = check_package(place, package)) repository.packages.push_back(std::move(*checked));
    if (!place.offered) return;
    if (rpm) texts = describe_by_headers(place, repository.packages);
    repository.index_sha256 = digest_of_index(texts);
    result_.bundle.repositories.push_back(std::move(repository));
    result_.texts.emplace(place.flavour, std::move(texts));
  }

  /// The index for the solver, from the headers of packages that were checked.
  IndexTexts describe_by_headers(const RepositoryPlace& place, const std::vector<BundlePackage>& packages) {
    std::string elements;
    for (const auto& package : packages) {
      const IndexedFile file{
          package.file.substr(place.directory.size() + 1), package.size, {{DigestAlgorithm::sha256, package.sha256}}};
      elements += primary_element(rpm_facts_of(*tree_.resolve(package.file)), file);
      if (elements.size() > max_described)
        throw Error(ErrorKind::untrusted, fmt::format("reading '{}': the headers of its packages describe more than {}",
                                                      place.directory, human_size(max_described)));
    }
    return {primary_of_elements(elements, packages.size())};
  }

  std::vector<IndexedPackage> read_deb_index(const RepositoryPlace& place, IndexTexts& texts) {
    const auto release_file = directory_of(place.index) + "/Release";
    auto packed = tree_.read(place.index, max_index);
    const bool inline_signed = doca_ && check_in_release(directory_of(place.index) + "/InRelease", place.index, packed);
    const bool has_signature = tree_.resolve(release_file + ".gpg").has_value();
    if (!inline_signed || has_signature) {
      IndexCheck check{release_file, {}};
      if (tree_.resolve(release_file)) {
        const auto text = tree_.read(release_file, max_release);
        if (has_signature)
          check.signature = signature::check_signature(ring_, tree_.read(release_file + ".gpg", 65536), text);
        const auto release = parse_release(text, release_file);
        check_release(release, release_file, place.index, packed);
      }
      result_.report.indexes.push_back(std::move(check));
    }
    texts.packages = archive::unpack(std::move(packed), place.index, max_index);
    return parse_packages(texts.packages, place.index);
  }

  /// Checks the signed form of Release that apt prefers. Returns false when there is none. Only the text that the
  /// signature covers is read.
  bool check_in_release(const std::string& file, const std::string& index, const std::string& packed) {
    if (!tree_.resolve(file)) return false;
    auto checked = signature::check_signed_text(ring_, tree_.read(file, max_release));
    if (checked.signature.state != signature::SignatureState::unreadable)
      check_release(parse_release(checked.text, file), file, index, packed);
    result_.report.indexes.push_back({file, std::move(checked.signature)});
    return true;
  }

  void check_release(const Release& release, const std::string& release_file, const std::string& index,
                     const std::string& packed) {
    auto& report = result_.report;
    // Suites are free words ("stable"); only one that is a version can be the wrong version.
    const bool version =
        !doca_ && !release.suite.empty() && release.suite.front() >= '0' && release.suite.front() <= '9';
    if (version && release.suite != result_.bundle.version)
      report.identity_problems.push_back(
          {release_file,
           fmt::format("says version '{}', the top directory says '{}'", release.suite, result_.bundle.version), ""});
    constexpr std::string_view doca_suite = "DOCA-HOST-";  // as apt shows it: pkg/DOCA-HOST-3.2.1
    if (doca_ && release.suite.starts_with(doca_suite) &&
        release.suite.substr(doca_suite.size()) != result_.bundle.doca->version)
      report.identity_problems.push_back({release_file,
                                          fmt::format("says suite '{}', the package says DOCA {}",
                                                      printable(release.suite), result_.bundle.doca->version),
                                          ""});
    const auto* vouched = release.find(index.substr(index.rfind('/') + 1));
    if (vouched == nullptr) {
      report.index_problems.push_back({release_file, "does not vouch for " + index, ""});
      return;
    }
    const auto algorithm = strongest(vouched->digests);
    const auto wrong = difference(*vouched, packed.size(), {{algorithm, digest_of(packed, algorithm)}});
    if (!wrong.empty()) report.index_problems.push_back({index, "is not what Release says: " + wrong, ""});
  }

  /// Reads primary.xml only to compare it: the solver gets what the headers say.
  std::vector<IndexedPackage> read_rpm_index(const RepositoryPlace& place) {
    const auto text = tree_.read(place.index, max_release);
    IndexCheck check{place.index, {}};
    if (tree_.resolve(place.index + ".asc"))
      check.signature = signature::check_signature(ring_, tree_.read(place.index + ".asc", 65536), text);
    result_.report.indexes.push_back(std::move(check));
    std::string primary;
    for (const auto& [type, file] : parse_repomd(text, place.index)) {
      if (type != "primary" && type != "filelists") continue;
      auto metadata = read_metadata(place.directory + "/" + file.file, file);
      if (type == "primary") primary = std::move(metadata);
    }
    if (primary.empty()) {
      result_.report.index_problems.push_back({place.index, "lists no primary metadata", ""});
      return {};
    }
    return parse_primary(primary, place.index);
  }

  std::string read_metadata(const std::string& path, const IndexedFile& expected) {
    if (!tree_.resolve(path)) {
      result_.report.index_problems.push_back({path, "repomd.xml lists it, but the bundle does not have it", ""});
      return {};
    }
    auto packed = tree_.read(path, max_index);
    if (expected.digests.empty()) {
      result_.report.index_problems.push_back({path, "repomd.xml states no digest for it", ""});
      return {};
    }
    const auto algorithm = strongest(expected.digests);
    const auto wrong = difference(expected, packed.size(), {{algorithm, digest_of(packed, algorithm)}});
    if (!wrong.empty()) {
      result_.report.index_problems.push_back({path, "is not what repomd.xml says: " + wrong, ""});
      return {};
    }
    return archive::unpack(std::move(packed), path, max_index);
  }

  /// Returns the strongest algorithm of the digests of a file; a weak one is reported.
  DigestAlgorithm strongest(const Digests& digests) {
    const auto algorithm = digests.rbegin()->first;
    if (is_weak(algorithm)) result_.report.weak.insert(fmt::format("index digests: {}", name_of(algorithm)));
    return algorithm;
  }

  /// The packages of a directory without an index, from their own headers.
  std::vector<IndexedPackage> scan_headers(const std::string& directory, IndexTexts& texts) {
    const bool rpm = result_.bundle.format == PackageFormat::rpm;
    std::vector<IndexedPackage> packages;
    for (const auto& path : tree_.paths()) {
      if (!path.starts_with(directory + "/")) continue;
      if (!doca_ && path.find('/', directory.size() + 1) != std::string::npos) continue;  // DOCA-Host: pool/, Packages/
      if (!path.ends_with(rpm ? ".rpm" : ".deb") || !tree_.resolve(path)) continue;
      const auto real = *tree_.resolve(path);
      IndexedFile file{path.substr(directory.size() + 1), tree_.size(real), {}};
      file.digests.emplace(DigestAlgorithm::sha256,
                           facts_of(real, DigestAlgorithm::sha256).digests.at(DigestAlgorithm::sha256));
      if (rpm) {
        packages.push_back(rpm_facts_of(real).package);
        packages.back().file = std::move(file);
      } else {
        const auto paragraph = packages_paragraph(read_control(tree_.open(path), path), file);
        for (auto& package : parse_packages(paragraph, path)) packages.push_back(std::move(package));
        texts.packages += paragraph;
      }
    }
    return packages;
  }

  /// Facts of a file. They are computed once, even if several repositories link to it.
  struct FileFacts {
    std::set<DigestAlgorithm> algorithms;
    Digests digests;
    std::optional<RpmFacts> rpm;
  };

  const FileFacts& facts_of(const std::string& real, DigestAlgorithm algorithm) {
    auto& facts = facts_[real];
    if (facts.algorithms.insert(algorithm).second)
      facts.digests.merge(digests_of(tree_.open(real), {algorithm, DigestAlgorithm::sha256}));
    return facts;
  }

  const RpmFacts& rpm_facts_of(const std::string& real) {
    auto& rpm = facts_[real].rpm;
    if (!rpm) rpm = read_rpm(tree_.open(real), ring_, real);
    return *rpm;
  }

  std::optional<BundlePackage> check_package(const RepositoryPlace& place, const IndexedPackage& indexed) {
    PackageCheck check;
    check.file = place.directory + "/" + indexed.file.file;
    const auto real = tree_.resolve(check.file);
    if (!real) {
      check.verdict = PackageVerdict::missing_from_tree;
      result_.report.packages.push_back(std::move(check));
      return std::nullopt;
    }
    covered_.insert(*real);
    const auto algorithm = strongest(indexed.file.digests);
    const auto& digests = facts_of(*real, algorithm).digests;
    check.algorithm = name_of(algorithm);
    check.detail = difference(indexed.file, tree_.size(*real), digests);
    check.verdict = place.index.empty()    ? PackageVerdict::unindexed
                    : check.detail.empty() ? PackageVerdict::ok
                                           : PackageVerdict::mismatch;
    // A file that differs from its index is not read further.
    bool sound = check.verdict != PackageVerdict::mismatch;
    if (sound && result_.bundle.format == PackageFormat::rpm) {
      const auto& rpm = rpm_facts_of(*real);
      check.signature = rpm.signature;
      check.payload_signed = rpm.payload_signed;
      const IndexedFile file{indexed.file.file, tree_.size(*real), digests};
      if (auto lie = place.index.empty() ? std::string() : header_difference(indexed, rpm, file); !lie.empty()) {
        check.verdict = PackageVerdict::mismatch;
        check.detail = std::move(lie);
      }
      sound = check.verdict != PackageVerdict::mismatch && rpm.signature.state != signature::SignatureState::bad;
    }
    result_.report.packages.push_back(check);
    return sound ? std::optional(describe(indexed, check.file, *real, digests.at(DigestAlgorithm::sha256)))
                 : std::nullopt;
  }

  /// Returns in what an index and the header of an rpm differ; empty if they agree. The header is what a signature
  /// covers and what the guest's rpm will read.
  static std::string header_difference(const IndexedPackage& indexed, const RpmFacts& rpm, const IndexedFile& file) {
    if (const auto& own = rpm.package;
        std::tie(own.name, own.version, own.arch) != std::tie(indexed.name, indexed.version, indexed.arch))
      return fmt::format("the index calls it {}-{}.{}, its header says {}-{}.{}", indexed.name, indexed.version,
                         indexed.arch, own.name, own.version, own.arch);
    // The same parser reads both, so that both are normalised in the same way.
    const auto own = parse_primary(primary_of_elements(primary_element(rpm, file), 1), file.file);
    return relation_difference(indexed.relations, own.at(0).relations);
  }

  BundlePackage describe(const IndexedPackage& indexed, const std::string& file, const std::string& real,
                         const std::string& sha256) {
    BundlePackage package;
    package.name = indexed.name;
    package.version = indexed.version;
    package.arch = indexed.arch;
    package.file = file;
    package.size = tree_.size(real);
    const bool rpm = result_.bundle.format == PackageFormat::rpm;
    package.installed_size = rpm ? rpm_facts_of(real).package.installed_size : indexed.installed_size;
    package.sha256 = sha256;
    const bool for_one_kernel = doca_ && doca_->identity.release.family == "E";  // the names of its packages vary
    if (for_one_kernel || may_have_kernel_content(indexed.name + "_" + indexed.version)) {
      auto found = kernel_content_.find(real);
      if (found == kernel_content_.end()) {
        progress_.detail(file);
        found = kernel_content_.emplace(real, scan_kernel_content(tree_.open(real), result_.bundle.format, file)).first;
      }
      package.modules = found->second.modules;
      for (const auto& module : package.modules) symbols_ += symbol_count(module);
      check_symbol_count(symbols_, file);
      package.built_kernel = found->second.built_kernel;
      package.dkms_source = found->second.dkms_source;
      package.dkms_modules = found->second.dkms_modules;
    }
    note_other_release(package);
    return package;
  }

  /// Notes a package whose version, or the kernel of whose modules, names another release than the bundle.
  void note_other_release(const BundlePackage& package) {
    for (const auto& text : {package.version, package.built_kernel})
      if (auto word = contradicting_release(text, result_.bundle.distro); !word.empty())
        other_releases_[word].insert(package.file);
  }

  void report_other_releases() {
    for (const auto& [word, files] : other_releases_) {
      const auto more = files.size() == 1 ? "" : fmt::format(" (and {} more)", files.size() - 1);
      result_.report.identity_problems.push_back(
          {*files.begin(),
           fmt::format("is made for '{}'{}, the {} says distribution '{}'", word, more,
                       doca_ ? "package" : "top directory", result_.bundle.distro),
           "the name of a bundle is not signed: take the bundle from the vendor again"});
    }
  }

  /// Package files that no index names.
  void report_unlisted() {
    const bool rpm = result_.bundle.format == PackageFormat::rpm;
    for (const auto& [path, extent] : tree_.files()) {
      const auto* front = doca_ ? "usr/share/doca-host-" : rpm ? "RPMS" : "DEBS";
      if (!path.starts_with(front) || !path.ends_with(rpm ? ".rpm" : ".deb")) continue;
      if (covered_.contains(path)) continue;
      PackageCheck check;
      check.file = path;
      check.verdict = any_index_ ? PackageVerdict::missing_from_index : PackageVerdict::unindexed;
      result_.report.packages.push_back(std::move(check));
    }
  }

  const BundleTree& tree_;
  const signature::KeyRing& ring_;
  bool ignore_indexes_;
  Progress& progress_;
  Examination result_;
  std::optional<DocaContent> doca_;  ///< of a DOCA-Host package
  bool any_index_ = false;
  std::size_t symbols_ = 0;  ///< of all modules of all repositories
  std::set<std::string> covered_;
  std::map<std::string, std::set<std::string>> other_releases_;  ///< word of a version → package files
  std::map<std::string, FileFacts> facts_;                       ///< by real path
  std::map<std::string, KernelContent> kernel_content_;          ///< by real path
};

}  // namespace

Examination examine(const StagedBundle& staged, const signature::KeyRing& ring, bool ignore_indexes,
                    Progress& progress) {
  return Examiner(staged, ring, ignore_indexes, progress).run();
}

}  // namespace bake::bundle
