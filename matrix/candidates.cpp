#include "matrix/candidates.hpp"

#include <algorithm>
#include <fmt/format.h>

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
    consider_releases_in_hand();
    consider_inbox();
    std::stable_sort(found_.begin(), found_.end(), ranks_before);
    answer_.confirmed = !found_.empty() && found_.front().choice.warnings.empty();
    for (auto& ranked : found_) answer_.choices.push_back(std::move(ranked.choice));
    return std::move(answer_);
  }

 private:
  void consider(const BundleRow& bundle) {
    const auto* release = matrix_.find_ofed(bundle.ofed);
    if (release != nullptr && release->bakeable && is_for_this_system(bundle)) consider(*release, bundle, {});
  }

  [[nodiscard]] bool is_for_this_system(const BundleRow& bundle) const {
    return !bundle.recognised_only && bundle.arch == "x86_64" && serves(bundle.distro, asked_.os->distro);
  }

  /// Releases the user named or holds count even where the table does not list them: their line says what they drive.
  void consider_releases_in_hand() {
    std::vector<std::string> versions = asked_.held;
    versions.push_back(asked_.ofed);
    std::vector<std::string> seen{"", "inbox"};
    for (const auto& version : versions) {
      if (contains(seen, version)) continue;
      seen.push_back(version);
      consider_release(version);
    }
  }

  void consider_release(const std::string& version) {
    const auto* release = matrix_.find_ofed(version);
    const auto* like = release != nullptr ? release : nearest_of_line(version);
    if (like == nullptr || !like->bakeable) {
      if (version != asked_.ofed) return;
      refuse_asked(like == nullptr
                       ? fmt::format("the matrix lists neither MLNX_OFED {} nor another release of its line", version)
                       : fmt::format("{} is recognised, not yet bakeable", version));
      return;
    }
    const auto& bundles = matrix_.bundles();
    if (std::any_of(bundles.begin(), bundles.end(),
                    [&](const auto& bundle) { return bundle.ofed == version && is_for_this_system(bundle); }))
      return;
    auto named = *like;
    named.version = version;
    BundleRow bundle;
    bundle.ofed = version;
    bundle.distro = asked_.os->distro;
    bundle.file = fmt::format("MLNX_OFED_LINUX-{}-{}-x86_64.tgz", version, bundle.distro);
    consider(named, bundle,
             release != nullptr
                 ? fmt::format("the matrix lists no bundle of MLNX_OFED {} for {}", version, asked_.os->name)
                 : fmt::format("the matrix does not list MLNX_OFED {}: judged as its line {}", version, like->line));
  }

  [[nodiscard]] const OfedRow* nearest_of_line(const std::string& version) const {
    const auto line = version.substr(0, version.find('-'));
    const OfedRow* nearest = nullptr;
    for (const auto& release : matrix_.ofed_releases())
      if (release.line == line && (nearest == nullptr || compare_versions(release.version, version) <= 0))
        nearest = &release;
    return nearest;
  }

  void consider(const OfedRow& release, const BundleRow& bundle, const std::string& warning) {
    const auto judgement = judge_all(&release);
    if (!accepts("MLNX_OFED " + release.version, release.generations, judgement, release.version == asked_.ofed)) {
      if (release.version == asked_.ofed && !warning.empty())
        answer_.asked_refusals.insert(answer_.asked_refusals.begin(), warning);
      return;
    }
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
    choice.warnings = judgement.warnings;
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
    const bool asked = asked_.ofed == "inbox";
    if (inbox == nullptr) {
      if (asked) refuse_asked(fmt::format("{} ships no rdma-core", asked_.os->name));
      return;
    }
    const auto judgement = judge_all(nullptr);
    if (!accepts("the inbox driver of " + asked_.os->name, inbox->generations, judgement, asked)) return;
    Ranked ranked;
    ranked.tier = Tier::inbox;
    ranked.choice.inbox = true;
    ranked.choice.distro = asked_.os->distro;
    ranked.choice.packages = inbox->packages;
    ranked.choice.reasons.push_back("the distribution's own driver: nothing to build, and kernel updates keep it");
    ranked.choice.warnings = judgement.warnings;
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

  /// Whether a driver goes with every card and no rule is against it. Takes down what is: of `asked`, the one the user
  /// named, everything; of others what rules say, if they drive all cards.
  bool accepts(const std::string& name, const std::vector<std::string>& driven, const Judgement& judgement,
               bool asked) {
    Sizes left;
    for (const auto* size : asked_.sizes)
      if (!contains(driven, size->generation)) left.push_back(size);
    if (asked && !left.empty())
      refuse_asked(fmt::format("{} drives {}, not {} ({})", name, join(driven, ", "), join(generations_of(left), ", "),
                               names_of(left)));
    if (asked) add_all(judgement, answer_.asked_refusals, answer_.asked_remedies);
    if (left.empty()) add_all(judgement, answer_.refusals, answer_.remedies);
    return left.empty() && judgement.refusals.empty();
  }

  void refuse_asked(const std::string& why) { add_once(answer_.asked_refusals, why); }

  static void add_all(const Judgement& judgement, std::vector<std::string>& refusals,
                      std::vector<std::string>& remedies) {
    for (const auto& text : judgement.refusals) add_once(refusals, text);
    for (const auto& text : judgement.remedies) add_once(remedies, text);
  }

  /// What the rules say of a driver for all sizes.
  [[nodiscard]] Judgement judge_all(const OfedRow* release) const {
    Judgement all;
    for (const auto* size : asked_.sizes) {
      const auto one = judge(matrix_.rules(), {*asked_.os, *size, release, asked_.kernel});
      add_all(one, all.refusals, all.remedies);
      for (const auto& text : one.warnings) add_once(all.warnings, text);
    }
    return all;
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
