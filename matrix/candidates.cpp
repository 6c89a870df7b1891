#include "matrix/candidates.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "bake/base/text.hpp"
#include "matrix/link.hpp"
#include "matrix/rules.hpp"

namespace bake::matrix {
namespace {

enum class Tier { extension, long_term, other, inbox };

struct Ranked {
  Choice choice;
  Tier tier = Tier::other;
  bool unverified = false;
};

bool ranks_before(const Ranked& a, const Ranked& b) {
  if (a.tier != b.tier) return a.tier < b.tier;
  if (a.unverified != b.unverified) return b.unverified;
  return compare_versions(a.choice.ofed, b.choice.ofed) > 0;
}

class Finder {
 public:
  Finder(const Matrix& matrix, const Question& question)
      : matrix_(matrix), asked_(question), generations_(generations_of(question.sizes)) {}

  Answer run() {
    for (const auto& bundle : matrix_.bundles()) consider(bundle);
    consider_named_release();
    consider_inbox();
    std::stable_sort(found_.begin(), found_.end(), ranks_before);
    answer_.confirmed = !found_.empty() && found_.front().choice.warnings.empty();
    for (auto& ranked : found_) answer_.choices.push_back(std::move(ranked.choice));
    return std::move(answer_);
  }

 private:
  void consider(const BundleRow& bundle) {
    if (bundle.recognised_only || bundle.arch != "x86_64" || !serves(bundle.distro, asked_.os->distro)) return;
    const auto* release = matrix_.find_ofed(bundle.ofed);
    if (release != nullptr && release->bakeable) consider(*release, bundle, {});
  }

  /// The release the user named counts even where the table does not list it: its line says what it drives.
  void consider_named_release() {
    if (asked_.ofed.empty()) return;
    const auto* release = matrix_.find_ofed(asked_.ofed);
    if (release != nullptr && std::any_of(release->distros.begin(), release->distros.end(),
                                          [&](const std::string& distro) { return serves(distro, asked_.os->distro); }))
      return;
    const auto* like = release != nullptr ? release : nearest_of_line();
    if (like == nullptr || !like->bakeable) return;
    auto named = *like;
    named.version = asked_.ofed;
    BundleRow bundle;
    bundle.ofed = asked_.ofed;
    bundle.distro = asked_.os->distro;
    bundle.file = fmt::format("MLNX_OFED_LINUX-{}-{}-x86_64.tgz", asked_.ofed, bundle.distro);
    consider(
        named, bundle,
        release != nullptr
            ? fmt::format("the matrix lists no bundle of MLNX_OFED {} for {}", asked_.ofed, asked_.os->name)
            : fmt::format("the matrix does not list MLNX_OFED {}: judged as its line {}", asked_.ofed, like->line));
  }

  [[nodiscard]] const OfedRow* nearest_of_line() const {
    const auto line = asked_.ofed.substr(0, asked_.ofed.find('-'));
    const OfedRow* nearest = nullptr;
    for (const auto& release : matrix_.ofed_releases())
      if (release.line == line && (nearest == nullptr || compare_versions(release.version, asked_.ofed) <= 0))
        nearest = &release;
    return nearest;
  }

  void consider(const OfedRow& release, const BundleRow& bundle, const std::string& warning) {
    if (!drives_all(release.generations)) return;
    auto judgement = judge_all(&release);
    if (!judgement) return;
    Ranked ranked;
    ranked.tier = extension_installs(release.version) ? Tier::extension : release.lts ? Tier::long_term : Tier::other;
    auto& choice = ranked.choice;
    choice.ofed = release.version;
    choice.distro = bundle.distro;
    choice.file_name = bundle.file;
    choice.url = bundle.url;
    choice.sha256 = bundle.sha256;
    choice.libs = release.libs;
    explain(ranked, release);
    choice.warnings = std::move(judgement->warnings);
    if (!warning.empty()) choice.warnings.insert(choice.warnings.begin(), warning);
    ranked.unverified = bundle.provenance.unverified || release.provenance.unverified || !warning.empty();
    if (warning.empty() && bundle.provenance.unverified) {
      choice.doubt =
          fmt::format("unverified: nobody has confirmed that {} exists ({})", bundle.file, bundle.provenance.source);
      choice.warnings.push_back(choice.doubt);
    }
    if (release.provenance.unverified)
      choice.warnings.push_back(fmt::format("unverified: the row of MLNX_OFED {}", release.version));
    finish(std::move(ranked));
  }

  void consider_inbox() {
    const InboxRow* inbox = nullptr;
    for (const auto& row : matrix_.inbox_drivers())
      if (row.key == asked_.os->inbox_key) inbox = &row;
    if (inbox == nullptr || !drives_all(inbox->generations)) return;
    auto judgement = judge_all(nullptr);
    if (!judgement) return;
    Ranked ranked;
    ranked.tier = Tier::inbox;
    ranked.choice.inbox = true;
    ranked.choice.distro = asked_.os->distro;
    ranked.choice.packages = inbox->packages;
    ranked.choice.reasons.push_back("the distribution's own driver: nothing to build, and kernel updates keep it");
    ranked.choice.warnings = std::move(judgement->warnings);
    if (inbox->provenance.unverified)
      ranked.choice.warnings.push_back(
          fmt::format("unverified: nobody has confirmed {} on Azure with the inbox driver of {}",
                      generations_.empty() ? "any card" : join(generations_, ", "), asked_.os->name));
    finish(std::move(ranked));
  }

  /// What holds for every driver alike: the module, and doubts about the rows of the question itself.
  void finish(Ranked ranked) {
    auto& choice = ranked.choice;
    choice.driver = generations_.size() == 1 && generations_.front() == "CX3-Pro" ? "mlx4_core" : "mlx5_core";
    if (asked_.os->provenance.unverified)
      choice.warnings.push_back(fmt::format("unverified: the row of {}", asked_.os->name));
    for (const auto* size : asked_.sizes)
      if (size->provenance.unverified) choice.warnings.push_back(fmt::format("unverified: the row of {}", size->name));
    found_.push_back(std::move(ranked));
  }

  void explain(Ranked& ranked, const OfedRow& release) const {
    auto& reasons = ranked.choice.reasons;
    if (ranked.tier == Tier::extension)
      reasons.push_back(fmt::format("the VM extension installs it for {} on {}",
                                    join(extension_generations(release.version), ", "), asked_.os->name));
    reasons.push_back(fmt::format("{} {}", release.lts ? "long-term support line" : "release line", release.line));
    if (!generations_.empty())
      reasons.push_back(fmt::format("drives {} ({})", join(generations_, ", "), names_of(asked_.sizes)));
    if (!ranked.choice.sha256.empty()) reasons.emplace_back("the SHA-256 of its archive is public");
  }

  [[nodiscard]] bool drives_all(const std::vector<std::string>& driven) const {
    return std::all_of(generations_.begin(), generations_.end(),
                       [&](const std::string& generation) { return contains(driven, generation); });
  }

  /// The warnings of all sizes; nothing when a rule refuses one of them.
  std::optional<Judgement> judge_all(const OfedRow* release) {
    Judgement all;
    for (const auto* size : asked_.sizes) {
      const auto one = judge(matrix_.rules(), {*asked_.os, *size, release, asked_.kernel});
      for (const auto& text : one.refusals) add_once(all.refusals, text);
      for (const auto& text : one.warnings) add_once(all.warnings, text);
      for (const auto& text : one.remedies) add_once(all.remedies, text);
    }
    if (all.refusals.empty()) return all;
    for (const auto& text : all.refusals) add_once(answer_.refusals, text);
    for (const auto& text : all.remedies) add_once(answer_.remedies, text);
    return std::nullopt;
  }

  [[nodiscard]] std::vector<std::string> extension_generations(const std::string& version) const {
    std::vector<std::string> generations;
    for (const auto& row : matrix_.extension_manifest())
      if (contains(generations_, row.type) && is_about(row, *asked_.os) && parse_bundle_name(row.link).ofed == version)
        add_once(generations, row.type);
    return generations;
  }
  [[nodiscard]] bool extension_installs(const std::string& version) const {
    return !extension_generations(version).empty();
  }

  const Matrix& matrix_;
  const Question& asked_;
  std::vector<std::string> generations_;
  std::vector<Ranked> found_;
  Answer answer_;
};

}  // namespace

Answer find_drivers(const Matrix& matrix, const Question& question) { return Finder(matrix, question).run(); }

std::vector<std::string> generations_of(const Sizes& sizes) {
  std::vector<std::string> generations;
  for (const auto& generation : known_generations())
    if (std::any_of(sizes.begin(), sizes.end(), [&](const SizeRow* size) { return size->generation == generation; }))
      generations.push_back(generation);
  return generations;
}

std::string releases_for(const Matrix& matrix, const std::string& generation) {
  const OfedRow *oldest = nullptr, *newest = nullptr, *first = nullptr, *last = nullptr;
  const auto older = [](const OfedRow* a, const OfedRow& b) {
    return a == nullptr || compare_versions(b.version, a->version) < 0;
  };
  const auto newer = [](const OfedRow* a, const OfedRow& b) {
    return a == nullptr || compare_versions(b.version, a->version) > 0;
  };
  for (const auto& release : matrix.ofed_releases()) {
    if (!release.bakeable) continue;
    if (older(oldest, release)) oldest = &release;
    if (newer(newest, release)) newest = &release;
    if (!contains(release.generations, generation)) continue;
    if (older(first, release)) first = &release;
    if (newer(last, release)) last = &release;
  }
  if (first == nullptr) return {};
  if (first == oldest && last == newest) return "any MLNX_OFED";
  if (first == oldest) return fmt::format("MLNX_OFED <= {}", last->version);
  if (last == newest) return fmt::format("MLNX_OFED >= {}", first->version);
  return fmt::format("MLNX_OFED {} to {}", first->version, last->version);
}

std::string names_of(const Sizes& sizes) {
  std::vector<std::string> names;
  for (const auto* size : sizes) names.push_back(size->name);
  return join(names, ", ");
}

std::string end_of_life_of(const OsRow& os) {
  const bool whole = os.id != "ubuntu" && os.id != "centos";
  return fmt::format(
      "end of life {}{}", os.end_of_life,
      whole ? fmt::format(" (of release {} as a whole)", os.version.substr(0, os.version.find('.'))) : "");
}

}  // namespace bake::matrix
