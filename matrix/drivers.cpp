#include "matrix/drivers.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

#include "bake/base/text.hpp"
#include "matrix/rules.hpp"

namespace bake::matrix {
namespace {

/// From this release on, the rpm packages too have only sources of the modules (release notes of DOCA 3.2).
constexpr std::string_view doca_rpm_sources_from = "doca-3.2";

/// A choice with what only ranking needs.
struct Ranked {
  Choice choice;
  bool unverified_archive = false;  ///< the row of the archive or of its release is unverified
  bool short_term_doca = false;     ///< a release of DOCA-OFED that is not in a long-term line
};

/// Returns the place of a choice among tiers: an archive with a public digest can be pinned without trusting anyone, so
/// it precedes other archives, but only if it is in a long-term line or if the VM extension installs it.
int tier_rank(const Choice& choice) {
  const bool preferred = choice.tier == Tier::extension || choice.tier == Tier::long_term;
  return preferred && !choice.sha256.empty() ? 0 : 1 + static_cast<int>(choice.tier);
}

/// Returns the place of a choice among kernels. The inbox driver supports its own kernel, but precedes only drivers
/// that do not support it.
KernelSupport kernel_rank(const Choice& choice) {
  return choice.inbox ? KernelSupport::unknown : choice.kernel_support;
}

bool ranks_before(const Ranked& a, const Ranked& b) {
  const auto key = [](const Ranked& ranked) {
    return std::tuple(kernel_rank(ranked.choice), tier_rank(ranked.choice), ranked.choice.tier, ranked.short_term_doca,
                      ranked.choice.sha256.empty(), ranked.unverified_archive);
  };
  if (key(a) != key(b)) return key(a) < key(b);
  return compare_versions(a.choice.ofed, b.choice.ofed) > 0;
}

/// Returns the series of a kernel release: "6.8" of "6.8.0-1041-azure".
std::string series_of(std::string_view kernel) {
  const auto first = kernel.find('.');
  if (first == std::string_view::npos) return std::string(kernel);
  return std::string(kernel.substr(0, kernel.find_first_not_of("0123456789", first + 1)));
}

class Finder {
 public:
  Finder(const Matrix& matrix, const DriverQuery& query)
      : matrix_(matrix), query_(query), generations_(generations_of(query.sizes)) {}

  DriverResult run() {
    for (const auto& bundle : matrix_.bundles()) consider(bundle);
    consider_unlisted_releases();
    consider_inbox();
    std::stable_sort(found_.begin(), found_.end(), ranks_before);
    for (auto& ranked : found_) result_.choices.push_back(std::move(ranked.choice));
    return std::move(result_);
  }

 private:
  void consider(const BundleRow& bundle) {
    const auto* release = matrix_.find_ofed(bundle.ofed);
    if (release != nullptr && is_for_this_os(bundle)) consider(*release, bundle, {});
  }

  [[nodiscard]] bool is_for_this_os(const BundleRow& bundle) const {
    return !bundle.recognised_only && bundle.arch == "x86_64" && distro_fits(bundle.distro, query_.os->distro);
  }

  /// Considers the releases that the user names or stores, even if the matrix does not list them. The rows of their
  /// line say which cards they drive.
  void consider_unlisted_releases() {
    std::vector<std::string> versions = query_.in_store;
    versions.push_back(query_.ofed);
    std::vector<std::string> seen{"", "inbox"};
    for (const auto& version : versions) {
      if (contains(seen, version)) continue;
      seen.push_back(version);
      consider_release(version);
    }
  }

  void consider_release(const std::string& version) {
    const auto* release = matrix_.find_ofed(version);
    const auto* similar = release != nullptr ? release : similar_release(version);
    if (similar == nullptr) {
      if (version != query_.ofed) return;
      refuse_requested(
          fmt::format("the matrix lists neither {} nor another release of its line", product_name(version)));
      return;
    }
    const auto& bundles = matrix_.bundles();
    const auto is_of_release = [&](const auto& bundle) { return bundle.ofed == version; };
    const auto is_for_machine = [&](const auto& bundle) { return is_of_release(bundle) && bundle.arch == "x86_64"; };
    if (std::any_of(bundles.begin(), bundles.end(),
                    [&](const auto& bundle) { return is_of_release(bundle) && is_for_this_os(bundle); }))
      return;
    if (std::any_of(bundles.begin(), bundles.end(), is_of_release) &&
        std::none_of(bundles.begin(), bundles.end(), is_for_machine)) {
      if (version == query_.ofed)
        refuse_requested(fmt::format("{} is for arm64 machines: bake makes only x86_64 images", product_name(version)));
      return;
    }
    auto named = *similar;
    named.version = version;
    if (is_doca(version) && line_of(named) != line_of(*similar)) {
      named.embeds.clear();  // what is known about another line of DOCA
      named.max_kernel.clear();
      named.max_kernel_source.clear();
      named.lts = false;
    }
    BundleRow bundle;
    bundle.ofed = version;
    bundle.distro = query_.os->distro;
    bundle.file = file_of(version, *query_.os);
    consider(named, bundle,
             release != nullptr
                 ? fmt::format("the matrix lists no bundle of {} for {}", product_name(version), query_.os->name)
                 : fmt::format("the matrix does not list {}: the rows of line {} apply", product_name(version),
                               similar->line));
  }

  /// Returns the name of the file of a release that the matrix does not list. Of a DOCA-Host package, '*' is in place
  /// of the part that only NVIDIA knows: the driver release.
  static std::string file_of(const std::string& version, const OsRow& os) {
    if (!is_doca(version)) return fmt::format("MLNX_OFED_LINUX-{}-{}-x86_64.tgz", version, os.distro);
    const auto release = version.substr(version.find('-') + 1);
    if (os.family == "deb") return fmt::format("doca-host_{}-*-{}_amd64.deb", release, replace_all(os.distro, ".", ""));
    const bool for_major = compare_versions(version, doca_rpm_sources_from) >= 0;
    return fmt::format("doca-host-{}_*_{}.x86_64.rpm", release,
                       for_major ? os.distro.substr(0, os.distro.find('.')) : replace_all(os.distro, ".", ""));
  }

  /// Returns the newest row of the release line that is not newer than `version`, else any row of the line, or null.
  [[nodiscard]] const OfedRow* similar_release(const std::string& version) const {
    const auto line = version.substr(0, version.find('-'));
    const OfedRow* similar = nullptr;
    for (const auto& release : matrix_.ofed_releases())
      if (release.line == line && (similar == nullptr || compare_versions(release.version, version) <= 0))
        similar = &release;
    return similar;
  }

  void consider(const OfedRow& release, const BundleRow& bundle, const std::string& warning) {
    const auto findings = apply_rules_to_all_sizes(&release);
    if (!accepts(product_name(release.version), release.generations, findings, release.version == query_.ofed)) {
      if (release.version == query_.ofed && !warning.empty())
        result_.requested_refusals.insert(result_.requested_refusals.begin(), warning);
      return;
    }
    Ranked ranked;
    auto& choice = ranked.choice;
    choice.tier = tier_of(release);
    ranked.short_term_doca = choice.tier == Tier::doca && !release.lts;
    choice.ofed = release.version;
    choice.distro = bundle.distro;
    choice.file_name = bundle.file;
    choice.url = bundle.url;
    choice.sha256 = bundle.sha256;
    choice.libs = release.libs;
    choice.warnings = findings.warnings;
    choice.rule_warns = !findings.warnings.empty();
    explain(choice, release);
    compare_with_kernel(choice, release);
    if (!warning.empty()) choice.warnings.insert(choice.warnings.begin(), warning);
    ranked.unverified_archive = bundle.provenance.unverified || release.provenance.unverified || !warning.empty();
    choice.verified = !ranked.unverified_archive;
    if (warning.empty() && bundle.provenance.unverified) {
      choice.existence_warning = fmt::format("unverified: no public source confirms that {} exists ({})", bundle.file,
                                             bundle.provenance.source);
      choice.warnings.push_back(choice.existence_warning);
    }
    if (release.provenance.unverified) warn_of_row(choice, product_name(release.version));
    finish(std::move(ranked));
  }

  static void warn_of_row(Choice& choice, const std::string& name) {
    choice.verified = false;
    choice.warnings.push_back(fmt::format("unverified: the row of {}", name));
  }

  /// NVIDIA builds each bundle for the first kernel of its operating system, so that series and older ones are
  /// supported. For newer kernels `max_kernel` decides.
  void compare_with_kernel(Choice& choice, const OfedRow& release) const {
    const auto& kernel = kernel_or_assumed(query_);
    const auto series = series_of(kernel);
    if (kernel.empty() || compare_versions(series, series_of(query_.os->ga_kernel)) <= 0) return;
    // A release supports the kernels of older ones.
    const auto* row = release.max_kernel.empty() ? largest_max_kernel(release, false) : &release;
    const bool supported = row != nullptr && compare_versions(series, row->max_kernel) <= 0;
    if (supported) {
      choice.reasons.push_back(fmt::format("supports kernel {}: NVIDIA names kernels up to {} for {} ({})", series,
                                           row->max_kernel, product_name(row->version), row->max_kernel_source));
      return;
    }
    // An older release does not support more than newer ones.
    const auto* limit = release.max_kernel.empty() ? largest_max_kernel(release, true) : &release;
    if (limit == nullptr || compare_versions(series, limit->max_kernel) <= 0) {
      choice.kernel_support = KernelSupport::unknown;
      choice.reasons.push_back(fmt::format("no public source says whether it supports kernel {}", kernel));
      return;
    }
    choice.kernel_support = KernelSupport::unsupported;
    // An assumed kernel only changes the order, because the image may boot an older one.
    auto& texts = query_.kernel.empty() ? choice.reasons : choice.warnings;
    texts.push_back(fmt::format("the newest kernel that NVIDIA names for {} is {} ({}), and {} is newer",
                                limit == &release ? "it" : product_name(limit->version), limit->max_kernel,
                                limit->max_kernel_source, kernel));
  }

  /// Returns the row with the largest `max_kernel` among the newer, or else the older releases of the same product
  /// (those include the release itself). Null: no row states one.
  [[nodiscard]] const OfedRow* largest_max_kernel(const OfedRow& release, bool newer) const {
    const OfedRow* largest = nullptr;
    for (const auto& row : matrix_.ofed_releases()) {
      const bool is_newer = compare_versions(row.version, release.version) > 0;
      if (row.max_kernel.empty() || is_doca(row.version) != is_doca(release.version) || is_newer != newer) continue;
      if (largest == nullptr || compare_versions(largest->max_kernel, row.max_kernel) < 0) largest = &row;
    }
    return largest;
  }

  void consider_inbox() {
    const InboxRow* inbox = nullptr;
    for (const auto& row : matrix_.inbox_drivers())
      if (row.key == query_.os->inbox_key) inbox = &row;
    const bool requested = query_.ofed == "inbox";
    if (inbox == nullptr) {
      if (requested) refuse_requested(fmt::format("{} ships no rdma-core", query_.os->name));
      return;
    }
    const auto findings = apply_rules_to_all_sizes(nullptr);
    if (!accepts("the inbox driver of " + query_.os->name, inbox->generations, findings, requested)) return;
    Ranked ranked;
    ranked.choice.tier = Tier::inbox;
    ranked.choice.inbox = true;
    ranked.choice.distro = query_.os->distro;
    ranked.choice.packages = inbox->packages;
    ranked.choice.reasons.push_back("the distribution's own driver: nothing to build, and kernel updates keep it");
    ranked.choice.warnings = findings.warnings;
    ranked.choice.rule_warns = !findings.warnings.empty();
    ranked.choice.verified = !inbox->provenance.unverified;
    if (inbox->provenance.unverified)
      ranked.choice.warnings.push_back(
          fmt::format("unverified: no public source confirms {} on Azure with the inbox driver of {}",
                      generations_.empty() ? "any card" : join(generations_, ", "), query_.os->name));
    finish(std::move(ranked));
  }

  /// Adds the fields that every driver has: its module, and warnings about unverified rows of the release and the
  /// sizes.
  void finish(Ranked ranked) {
    auto& choice = ranked.choice;
    choice.driver = generations_.size() == 1 && generations_.front() == "CX3-Pro" ? "mlx4_core" : "mlx5_core";
    if (query_.os->provenance.unverified) warn_of_row(choice, query_.os->name);
    for (const auto* size : query_.sizes)
      if (size->provenance.unverified) warn_of_row(choice, size->name);
    found_.push_back(std::move(ranked));
  }

  void explain(Choice& choice, const OfedRow& release) const {
    auto& reasons = choice.reasons;
    if (choice.tier == Tier::extension)
      reasons.push_back(fmt::format("the VM extension installs it for {} on {}",
                                    join(extension_generations(release.version), ", "), query_.os->name));
    reasons.push_back(fmt::format("{} {}", release.lts ? "long-term support line" : "release line", line_of(release)));
    if (!release.embeds.empty()) reasons.push_back(fmt::format("has the driver release {}", release.embeds));
    if (is_doca(release.version) && !has_built_modules(release))
      reasons.emplace_back(
          "contains only module sources: bake compiles them in the image, or installs the modules of a "
          "doca-kernel-repo package for the kernel");
    if (!generations_.empty())
      reasons.push_back(fmt::format("drives {} ({})", join(generations_, ", "), names_of(query_.sizes)));
    if (!choice.sha256.empty()) reasons.emplace_back("the SHA-256 of its archive is public");
  }

  [[nodiscard]] Tier tier_of(const OfedRow& release) const {
    if (extension_installs(release.version)) return Tier::extension;
    if (is_doca(release.version)) return Tier::doca;
    return release.lts ? Tier::long_term : Tier::other;
  }

  /// Returns the line of a release for messages: "23.10", "DOCA 3.2" of "doca-3.2.3-019000".
  static std::string line_of(const OfedRow& release) {
    if (!is_doca(release.version)) return release.line;
    const auto numbers = split(release.version.substr(release.version.find('-') + 1), '.');
    return "DOCA " + numbers.front() + (numbers.size() > 1 ? "." + numbers[1] : "");
  }

  /// Returns whether packages of this DOCA release contain built modules for this operating system. The debs never do.
  [[nodiscard]] bool has_built_modules(const OfedRow& release) const {
    return query_.os->family == "rpm" && compare_versions(release.version, doca_rpm_sources_from) < 0;
  }

  /// Returns whether a driver drives every card and no rule refuses it. Records the reasons of a refusal: all of them
  /// for the requested driver, and for others the rules, if they drive all cards.
  bool accepts(const std::string& name, const std::vector<std::string>& driven, const RuleFindings& findings,
               bool requested) {
    Sizes not_driven;
    for (const auto* size : query_.sizes)
      if (!contains(driven, size->generation)) not_driven.push_back(size);
    if (requested && !not_driven.empty())
      refuse_requested(fmt::format("{} drives {}, not {} ({})", name, join(driven, ", "),
                                   join(generations_of(not_driven), ", "), names_of(not_driven)));
    if (requested) add_all(findings, result_.requested_refusals, result_.requested_remedies);
    if (not_driven.empty()) add_all(findings, result_.refusals, result_.remedies);
    return not_driven.empty() && findings.refusals.empty();
  }

  void refuse_requested(const std::string& why) { add_once(result_.requested_refusals, why); }

  static void add_all(const RuleFindings& findings, std::vector<std::string>& refusals,
                      std::vector<std::string>& remedies) {
    for (const auto& text : findings.refusals) add_once(refusals, text);
    for (const auto& text : findings.remedies) add_once(remedies, text);
  }

  [[nodiscard]] RuleFindings apply_rules_to_all_sizes(const OfedRow* release) const {
    RuleFindings all;
    for (const auto* size : query_.sizes) {
      const auto one = apply_rules(matrix_.rules(), {*query_.os, *size, release, query_.kernel});
      add_all(one, all.refusals, all.remedies);
      for (const auto& text : one.warnings) add_once(all.warnings, text);
    }
    return all;
  }

  [[nodiscard]] std::vector<std::string> extension_generations(const std::string& version) const {
    std::vector<std::string> generations;
    for (const auto& row : matrix_.extension_manifest())
      if (contains(generations_, row.type) && names_os(row, *query_.os) && parse_bundle_name(row.link).ofed == version)
        add_once(generations, row.type);
    return generations;
  }
  [[nodiscard]] bool extension_installs(const std::string& version) const {
    return !extension_generations(version).empty();
  }

  const Matrix& matrix_;
  const DriverQuery& query_;
  std::vector<std::string> generations_;
  std::vector<Ranked> found_;
  DriverResult result_;
};

}  // namespace

DriverResult find_drivers(const Matrix& matrix, const DriverQuery& query) { return Finder(matrix, query).run(); }

const std::string& kernel_or_assumed(const DriverQuery& query) {
  return query.kernel.empty() ? query.os->azure_kernel : query.kernel;
}

std::vector<std::string> generations_of(const Sizes& sizes) {
  std::vector<std::string> generations;
  for (const auto& generation : known_generations())
    if (std::any_of(sizes.begin(), sizes.end(), [&](const SizeRow* size) { return size->generation == generation; }))
      generations.push_back(generation);
  return generations;
}

namespace {

/// Returns the releases of one product that drive a generation: "MLNX_OFED >= 5.6-1.0.3.3".
std::string releases_for(const Matrix& matrix, const std::string& generation, bool doca) {
  const OfedRow *oldest = nullptr, *newest = nullptr, *first = nullptr, *last = nullptr;
  const auto older = [](const OfedRow* a, const OfedRow& b) {
    return a == nullptr || compare_versions(b.version, a->version) < 0;
  };
  const auto newer = [](const OfedRow* a, const OfedRow& b) {
    return a == nullptr || compare_versions(b.version, a->version) > 0;
  };
  for (const auto& release : matrix.ofed_releases()) {
    if (is_doca(release.version) != doca) continue;
    if (older(oldest, release)) oldest = &release;
    if (newer(newest, release)) newest = &release;
    if (!contains(release.generations, generation)) continue;
    if (older(first, release)) first = &release;
    if (newer(last, release)) last = &release;
  }
  if (first == nullptr) return {};
  const auto version = [&](const OfedRow* row) { return row->version.substr(doca ? row->version.find('-') + 1 : 0); };
  const std::string product = doca ? "DOCA-OFED" : "MLNX_OFED";
  if (first == oldest && last == newest) return "any " + product;
  if (first == oldest) return fmt::format("{} <= {}", product, version(last));
  if (last == newest) return fmt::format("{} >= {}", product, version(first));
  return fmt::format("{} {} to {}", product, version(first), version(last));
}

}  // namespace

std::string releases_for(const Matrix& matrix, const std::string& generation) {
  auto releases = releases_for(matrix, generation, false);
  return releases.empty() ? releases_for(matrix, generation, true) : releases;
}

std::string names_of(const Sizes& sizes) {
  std::vector<std::string> names;
  for (const auto* size : sizes) names.push_back(size->name);
  return join(names, ", ");
}

std::string end_of_life_of(const OsRow& os) {
  const bool of_major_release = os.id != "ubuntu" && os.id != "centos";
  return fmt::format(
      "end of life {}{}", os.end_of_life,
      of_major_release ? fmt::format(" (of release {} as a whole)", os.version.substr(0, os.version.find('.'))) : "");
}

std::vector<std::string> os_notes(const OsRow& os, const std::string& kernel) {
  std::vector<std::string> notes;
  if (!os.end_of_life.empty()) notes.push_back(fmt::format("{}: {}", os.name, end_of_life_of(os)));
  if (kernel.empty() && !os.azure_kernel.empty())
    notes.push_back(fmt::format("{}: no kernel is named, so the order assumes {}, the kernel of Azure's current image",
                                os.name, os.azure_kernel));
  return notes;
}

}  // namespace bake::matrix
