#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "matrix/candidates.hpp"
#include "matrix/link.hpp"
#include "matrix/matrix.hpp"
#include "matrix/rules.hpp"

namespace bake::matrix {
namespace {

/// Up to three of `names`, nearest to `word` first.
std::vector<std::string> closest_few(std::string_view word, std::vector<std::string> names) {
  std::vector<std::string> few;
  while (few.size() < 3) {
    const auto next = closest(word, names);
    if (!next) break;
    few.push_back(*next);
    std::erase(names, *next);
  }
  return few;
}

[[noreturn]] void refuse_unknown(std::string_view kind, std::string_view name, const std::vector<std::string>& near,
                                 std::string_view list) {
  throw Error(ErrorKind::incompatible, fmt::format("resolving {} '{}': the matrix does not know it", kind, name),
              near.empty() ? fmt::format("'bake matrix list {}' shows what it knows", list)
                           : fmt::format("the closest it knows: {}", join(near, ", ")));
}

const OsRow& known_os(const Matrix& matrix, const Query& query) {
  if (const auto* os = matrix.find_os(query.os_id, query.os_version)) return *os;
  const std::string wanted(trim(query.os_id + " " + query.os_version));
  std::vector<std::string> all, same_id;
  for (const auto& os : matrix.operating_systems()) {
    all.push_back(os.id + " " + os.version);
    if (os.id == to_lower(query.os_id)) same_id.push_back(all.back());
  }
  auto near = closest_few(wanted, same_id.empty() ? all : same_id);
  if (near.empty() && !same_id.empty()) near = same_id;
  refuse_unknown("release", wanted, near, "os");
}

Sizes known_sizes(const Matrix& matrix, const std::vector<std::string>& wanted) {
  Sizes sizes;
  for (const auto& name : wanted) {
    const auto* size = matrix.find_size(name);
    if (size == nullptr) {
      std::vector<std::string> names;
      for (const auto& row : matrix.sizes()) names.push_back(row.name);
      const auto full = to_lower(name).starts_with("standard_") ? name : "Standard_" + name;
      refuse_unknown("VM size", name, closest_few(full, names), "sizes");
    }
    if (std::find(sizes.begin(), sizes.end(), size) == sizes.end()) sizes.push_back(size);
  }
  return sizes;
}

/// The size with SR-IOV InfiniBand on x86_64 whose name is nearest.
std::string similar_rdma_size(const Matrix& matrix, const SizeRow& size) {
  std::vector<std::string> names;
  for (const auto& row : matrix.sizes())
    if (row.transport == "sriov" && row.arch == "x86_64") names.push_back(row.name);
  // Whatever the length of the name, some size is nearest; the longest common beginning finds it when edits do not.
  if (const auto near = closest(size.name, names)) return *near;
  const auto common = [&](const std::string& name) {
    return std::mismatch(name.begin(), name.end(), size.name.begin(), size.name.end()).first - name.begin();
  };
  return *std::max_element(names.begin(), names.end(),
                           [&](const auto& a, const auto& b) { return common(a) < common(b); });
}

class Resolver {
 public:
  Resolver(const Matrix& matrix, const OsRow& os, Sizes sizes, const Query& query) : matrix_(matrix) {
    asked_ = {&os, std::move(sizes), query.kernel, query.ofed, query.held};
  }

  Resolution run() {
    notes();
    if (!refuse_sizes()) {
      auto answer = find_drivers(matrix_, asked_);
      result_.choices = std::move(answer.choices);
      result_.asked_refusals = answer.asked_refusals;
      result_.asked_remedies = answer.asked_remedies;
      if (result_.choices.empty()) refuse(answer);
      note_kernel();
    }
    return std::move(result_);
  }

 private:
  /// Sizes no driver of ours can serve, each by its name.
  bool refuse_sizes() {
    for (const auto* size : asked_.sizes) {
      if (size->transport == "networkdirect") {
        result_.refusals.push_back(fmt::format(
            "{} reaches InfiniBand through NetworkDirect, not SR-IOV: no Linux InfiniBand driver can use it",
            size->name));
      } else if (size->transport == "none") {
        result_.refusals.push_back(fmt::format("{} has no InfiniBand", size->name));
      } else if (size->arch != "x86_64") {
        result_.refusals.push_back(fmt::format("{} is an arm64 size: bake makes x86_64 images only", size->name));
      } else {
        continue;
      }
      if (result_.nearest.empty())
        result_.nearest = fmt::format("the nearest size that would work is {}", similar_rdma_size(matrix_, *size));
    }
    return !result_.refusals.empty();
  }

  void refuse(const Answer& answer) {
    bool each_works = true;
    for (const auto* size : asked_.sizes) {
      const auto alone = find_drivers(matrix_, with({size}));
      if (!alone.choices.empty()) continue;
      each_works = false;
      add_once(result_.refusals, why_not(*size, alone));
    }
    if (each_works && asked_.sizes.size() > 1)
      refuse_together(answer);
    else
      result_.nearest = nearest(answer);
  }

  /// One sentence: what the size needs, and what is in the way.
  std::string why_not(const SizeRow& size, const Answer& alone) {
    if (!alone.refusals.empty())
      return fmt::format("{} ({}) on {}{}: {}", size.name, size.generation, asked_.os->name,
                         asked_.kernel.empty() ? "" : " with kernel " + asked_.kernel, join(alone.refusals, "; "));
    const auto inbox = asked_.os->inbox_key.empty()
                           ? std::string("it ships no rdma-core")
                           : fmt::format("its inbox driver does not drive {}", size.generation);
    const auto releases = releases_for(matrix_, size.generation);
    if (releases.empty())
      return fmt::format("{} ({}): no release of MLNX_OFED drives it, and for {} {}", size.name, size.generation,
                         asked_.os->name, inbox);
    return fmt::format("{} ({}) needs {}, which has no bundle for {}; {}", size.name, size.generation, releases,
                       asked_.os->name, inbox);
  }

  /// Each size would work alone, all together do not.
  void refuse_together(const Answer& answer) {
    std::vector<std::string> needs, images;
    for (const auto& generation : generations_of(asked_.sizes)) {
      Sizes group;
      for (const auto* size : asked_.sizes)
        if (size->generation == generation) group.push_back(size);
      const auto releases = releases_for(matrix_, generation);
      needs.push_back(fmt::format("{} ({}) needs {}", names_of(group), generation,
                                  releases.empty() ? "the inbox driver" : releases));
      const auto alone = find_drivers(matrix_, with(group));
      if (!alone.choices.empty())
        images.push_back(fmt::format("{} with {}", names_of(group), driver_name(alone.choices.front())));
    }
    result_.refusals.push_back(
        fmt::format("no one driver for {} serves all sizes: {}", asked_.os->name, join(needs, "; ")));
    for (const auto& refusal : answer.refusals) add_once(result_.refusals, refusal);
    result_.nearest = fmt::format("bake one image for {}", join(images, ", and another for "));
  }

  /// What would work instead: the same release with another kernel, else the nearest release that somebody confirmed,
  /// and what the same distribution has before it; else nothing.
  std::string nearest(const Answer& answer) {
    if (!asked_.kernel.empty()) {
      auto other_kernel = asked_;
      other_kernel.kernel.clear();
      if (!find_drivers(matrix_, other_kernel).choices.empty() && !answer.remedies.empty())
        return join(answer.remedies, "; ");
    }
    std::string fallback, first;  // of any distribution, of the one that was asked for: nobody has confirmed them
    for (const auto* os : others_by_nearness()) {
      auto there = asked_;
      there.os = os;
      there.kernel.clear();
      there.ofed.clear();
      there.held.clear();
      const auto found = find_drivers(matrix_, there);
      if (found.choices.empty()) continue;
      const auto& choice = found.choices.front();
      if (only_row_doubts(choice))
        return "use " + sentence(*os, choice) + (first.empty() || os->id == asked_.os->id ? "" : first);
      if (first.empty() && os->id == asked_.os->id)
        first = fmt::format("; or {}, which nobody has confirmed", sentence(*os, choice));
      if (fallback.empty()) fallback = "use " + sentence(*os, choice);
    }
    return fallback;
  }

  static std::string sentence(const OsRow& os, const Choice& choice) {
    return fmt::format("{} with {}", os.name, driver_name(choice));
  }

  /// A confirmed archive (its digest is public) that no rule warns about. That the row of the release is unverified
  /// does not speak against it.
  [[nodiscard]] static bool only_row_doubts(const Choice& choice) {
    return !choice.sha256.empty() && std::all_of(choice.warnings.begin(), choice.warnings.end(), [](const auto& text) {
      return text.starts_with("unverified: the row of ");
    });
  }

  /// The same distribution's other releases, then others of its family; newer before older, nearest first.
  [[nodiscard]] std::vector<const OsRow*> others_by_nearness() const {
    std::vector<const OsRow*> others;
    for (const auto& os : matrix_.operating_systems())
      if (&os != asked_.os) others.push_back(&os);
    const auto rank = [&](const OsRow* os) {
      const bool newer = compare_versions(os->version, asked_.os->version) >= 0;
      return (os->id == asked_.os->id ? 0 : os->family == asked_.os->family ? 2 : 4) + (newer ? 0 : 1);
    };
    std::stable_sort(others.begin(), others.end(), [&](const OsRow* a, const OsRow* b) {
      if (rank(a) != rank(b)) return rank(a) < rank(b);
      const auto order = compare_versions(a->version, b->version);
      if (order != 0) return rank(a) % 2 == 0 ? order < 0 : order > 0;
      return a->id < b->id;
    });
    return others;
  }

  void notes() {
    if (asked_.sizes.empty()) result_.notes.emplace_back("no VM size is named, so no card is checked");
    if (!asked_.os->end_of_life.empty())
      result_.notes.push_back(fmt::format("{}: {}", asked_.os->name, end_of_life_of(*asked_.os)));
    for (const auto* size : asked_.sizes) {
      if (!size->note.empty()) result_.notes.push_back(fmt::format("{}: {}", size->name, size->note));
      if (!size->retires.empty())
        result_.notes.push_back(fmt::format("{}: Azure retires it on {}", size->name, size->retires));
      if (size->vm_generations == std::vector<int>{2} && size->arch == "x86_64")
        result_.notes.push_back(fmt::format("{}: starts from generation 2 (UEFI) images only", size->name));
    }
    note_doca();
  }

  /// Modules for a kernel that the vendor does not build for have to come from somewhere.
  void note_kernel() {
    const auto& kernel = asked_.kernel;
    const bool vendor =
        std::any_of(result_.choices.begin(), result_.choices.end(), [](const Choice& choice) { return !choice.inbox; });
    if (kernel.empty() || kernel == asked_.os->ga_kernel || !vendor || asked_.ofed == "inbox") return;
    result_.notes.push_back(fmt::format(
        "{} is not the kernel that MLNX_OFED's modules are built for ({}): {}", kernel, asked_.os->ga_kernel,
        asked_.os->family == "deb"
            ? "unless the bundle has some for it, they are compiled in the image, which needs its headers, gcc and "
              "make; 'bake plan' says what is missing"
            : "they are taken where every symbol version agrees, which 'bake plan' finds out"));
  }

  void note_doca() {
    const auto generations = generations_of(asked_.sizes);
    const BundleRow* newest = nullptr;
    for (const auto& bundle : matrix_.bundles()) {
      const auto* release = matrix_.find_ofed(bundle.ofed);
      if (release == nullptr || release->bakeable || bundle.arch != "x86_64" || bundle.recognised_only ||
          !serves(bundle.distro, asked_.os->distro))
        continue;
      const bool drives = std::all_of(generations.begin(), generations.end(), [&](const auto& generation) {
        return contains(release->generations, generation);
      });
      if (drives && (newest == nullptr || compare_versions(newest->ofed, bundle.ofed) < 0)) newest = &bundle;
    }
    if (newest != nullptr)
      result_.notes.push_back(fmt::format("DOCA-OFED ({}) would drive it: recognised, not yet bakeable", newest->file));
  }

  [[nodiscard]] Question with(Sizes sizes) const {
    return {asked_.os, std::move(sizes), asked_.kernel, asked_.ofed, asked_.held};
  }

  static std::string driver_name(const Choice& choice) {
    return choice.inbox ? std::string("its inbox driver") : "MLNX_OFED " + choice.ofed;
  }

  const Matrix& matrix_;
  Question asked_;
  Resolution result_;
};

}  // namespace

void Matrix::require_sizes(const std::vector<std::string>& names) const { known_sizes(*this, names); }

Resolution Matrix::resolve(const Query& query) const {
  const auto& os = known_os(*this, query);
  return Resolver(*this, os, known_sizes(*this, query.vm_sizes), query).run();
}

}  // namespace bake::matrix
