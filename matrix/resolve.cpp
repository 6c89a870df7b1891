#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "matrix/drivers.hpp"
#include "matrix/rules.hpp"
#include "matrix/words.hpp"

namespace bake::matrix {
namespace {

/// Returns up to three of `names`, the closest to `word` first.
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

[[noreturn]] void refuse_unknown(std::string_view kind, std::string_view name, const std::vector<std::string>& similar,
                                 std::string_view topic) {
  throw Error(ErrorKind::incompatible, fmt::format("resolving {} '{}': the matrix does not know it", kind, name),
              similar.empty() ? fmt::format("list the topic '{}' of the matrix to see the names that it knows", topic)
                              : fmt::format("similar names: {}", join(similar, ", ")));
}

/// "9.6" → {9, 6}; empty if it is not a version.
std::vector<int> version_numbers(std::string_view text) {
  std::vector<int> numbers;
  for (const auto& part : split(text, '.')) {
    int number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc() || end != part.data() + part.size()) return {};
    numbers.push_back(number);
  }
  return numbers;
}

/// The version of "rhel 9.6".
std::vector<int> version_of(std::string_view name) {
  return version_numbers(name.substr(std::min(name.find(' ') + 1, name.size())));
}

/// Returns the release with the highest version; empty if there is none.
std::string newest_of(const std::vector<std::string>& names) {
  const auto newest = std::max_element(names.begin(), names.end(),
                                       [](const auto& a, const auto& b) { return version_of(a) < version_of(b); });
  return newest == names.end() ? std::string() : *newest;
}

const OsRow& known_os(const Matrix& matrix, const Query& query) {
  if (const auto* os = matrix.find_os(query.os_id, query.os_version)) return *os;
  const std::string wanted(trim(query.os_id + " " + query.os_version));
  std::vector<std::string> all, same_id;
  for (const auto& os : matrix.operating_systems()) {
    all.push_back(os.id + " " + os.version);
    if (os.id == to_lower(query.os_id)) same_id.push_back(all.back());
  }
  // A release that came after the matrix is not a typing error.
  if (const auto newest = newest_of(same_id);
      !same_id.empty() && version_of(newest) < version_numbers(query.os_version))
    throw Error(ErrorKind::incompatible,
                fmt::format("resolving release '{}': it is newer than the releases that bake supports", wanted),
                fmt::format("the newest is {}", newest));
  auto similar = closest_few(wanted, same_id.empty() ? all : same_id);
  if (similar.empty() && !same_id.empty()) similar = same_id;
  refuse_unknown("release", wanted, similar, "os");
}

Sizes known_sizes(const Matrix& matrix, const std::vector<std::string>& wanted) {
  Sizes sizes;
  for (const auto& name : wanted) {
    const auto* size = matrix.find_size(name);
    if (size == nullptr) {
      if (names_size_without_infiniband(name))
        throw Error(ErrorKind::incompatible, fmt::format("resolving VM size '{}': it has no InfiniBand", name),
                    "sizes with InfiniBand begin with HB, HC or HX, or with N and have an r: Standard_HB120rs_v3");
      std::vector<std::string> names;
      for (const auto& row : matrix.sizes())
        if (row.transport == "sriov") names.push_back(row.name);
      const auto full = to_lower(name).starts_with("standard_") ? name : "Standard_" + name;
      refuse_unknown("VM size", name, closest_few(full, names), "sizes");
    }
    if (std::find(sizes.begin(), sizes.end(), size) == sizes.end()) sizes.push_back(size);
  }
  return sizes;
}

/// Returns the size with SR-IOV InfiniBand on x86_64 whose name is the most similar.
std::string similar_rdma_size(const Matrix& matrix, const SizeRow& size) {
  std::vector<std::string> names;
  for (const auto& row : matrix.sizes())
    if (row.transport == "sriov" && row.arch == "x86_64") names.push_back(row.name);
  if (const auto similar = closest(size.name, names)) return *similar;
  // closest() rejects names that differ too much; then the longest common beginning decides.
  const auto common = [&](const std::string& name) {
    return std::mismatch(name.begin(), name.end(), size.name.begin(), size.name.end()).first - name.begin();
  };
  return *std::max_element(names.begin(), names.end(),
                           [&](const auto& a, const auto& b) { return common(a) < common(b); });
}

class Resolver {
 public:
  Resolver(const Matrix& matrix, const OsRow& os, Sizes sizes, const Query& query) : matrix_(matrix) {
    query_ = {&os, std::move(sizes), query.kernel, query.ofed, query.in_store};
  }

  Resolution run() {
    notes();
    if (!refuse_sizes()) {
      auto found = find_drivers(matrix_, query_);
      result_.choices = std::move(found.choices);
      result_.requested_refusals = found.requested_refusals;
      result_.requested_remedies = found.requested_remedies;
      if (result_.choices.empty()) refuse(found);
      note_kernel();
    }
    return std::move(result_);
  }

 private:
  /// Refuses each size that no driver of bake supports. Returns whether there is one.
  bool refuse_sizes() {
    for (const auto* size : query_.sizes) {
      if (size->transport == "networkdirect") {
        result_.refusals.push_back(fmt::format(
            "{} reaches InfiniBand through NetworkDirect, not SR-IOV: no Linux InfiniBand driver can use it",
            size->name));
      } else if (size->transport == "none") {
        result_.refusals.push_back(fmt::format("{} has no InfiniBand", size->name));
      } else if (size->arch != "x86_64") {
        result_.refusals.push_back(fmt::format("{} is an arm64 size: bake makes only x86_64 images", size->name));
      } else {
        continue;
      }
      if (result_.suggestion.empty())
        result_.suggestion = fmt::format("a similar size that works: {}", similar_rdma_size(matrix_, *size));
    }
    return !result_.refusals.empty();
  }

  void refuse(const DriverResult& found) {
    bool each_works = true;
    for (const auto* size : query_.sizes) {
      const auto alone = find_drivers(matrix_, with({size}));
      if (!alone.choices.empty()) continue;
      each_works = false;
      add_once(result_.refusals, why_not(*size, alone));
    }
    if (each_works && query_.sizes.size() > 1)
      refuse_combination(found);
    else
      result_.suggestion = suggestion(found);
  }

  /// Returns one sentence: what the size needs, and why the release does not have it.
  std::string why_not(const SizeRow& size, const DriverResult& alone) {
    if (!alone.refusals.empty())
      return fmt::format("{} ({}) on {}{}: {}", size.name, size.generation, query_.os->name,
                         query_.kernel.empty() ? "" : " with kernel " + query_.kernel, join(alone.refusals, "; "));
    const auto inbox = query_.os->inbox_key.empty()
                           ? std::string("it ships no rdma-core")
                           : fmt::format("its inbox driver does not drive {}", size.generation);
    const auto releases = releases_for(matrix_, size.generation);
    if (releases.empty())
      return fmt::format("{} ({}): no driver release drives it, and on {} {}", size.name, size.generation,
                         query_.os->name, inbox);
    return fmt::format("{} ({}) needs {}, which has no bundle for {}; {}", size.name, size.generation, releases,
                       query_.os->name, inbox);
  }

  /// Refuses sizes that work separately but not in one image.
  void refuse_combination(const DriverResult& found) {
    std::vector<std::string> needs, images;
    for (const auto& generation : generations_of(query_.sizes)) {
      Sizes group;
      for (const auto* size : query_.sizes)
        if (size->generation == generation) group.push_back(size);
      const auto releases = releases_for(matrix_, generation);
      needs.push_back(fmt::format("{} ({}) needs {}", names_of(group), generation,
                                  releases.empty() ? "the inbox driver" : releases));
      const auto alone = find_drivers(matrix_, with(group));
      if (!alone.choices.empty())
        images.push_back(fmt::format("{} with {}", names_of(group), driver_name(alone.choices.front())));
    }
    result_.refusals.push_back(
        fmt::format("no single driver for {} supports all sizes: {}", query_.os->name, join(needs, "; ")));
    for (const auto& refusal : found.refusals) add_once(result_.refusals, refusal);
    result_.suggestion = fmt::format("bake one image for {}", join(images, ", and another for "));
  }

  /// Returns what works instead: the same release with another kernel, else the most similar release whose archive is
  /// confirmed, and before it a release of the same distribution whose archive is not. Empty: nothing works.
  std::string suggestion(const DriverResult& found) {
    if (!query_.kernel.empty()) {
      auto other_kernel = query_;
      other_kernel.kernel.clear();
      if (!find_drivers(matrix_, other_kernel).choices.empty() && !found.remedies.empty())
        return join(found.remedies, "; ");
    }
    std::string any, same_distribution;  // the first suggestions that are not confirmed
    for (const auto* os : other_releases()) {
      auto there = query_;
      there.os = os;
      there.kernel.clear();
      there.ofed.clear();
      there.in_store.clear();
      const auto works = find_drivers(matrix_, there);
      if (works.choices.empty()) continue;
      const auto& choice = works.choices.front();
      if (is_confirmed(choice))
        return "use " + sentence(*os, choice) +
               (same_distribution.empty() || os->id == query_.os->id ? "" : same_distribution);
      if (same_distribution.empty() && os->id == query_.os->id)
        same_distribution = fmt::format("; or {}, which is unverified", sentence(*os, choice));
      if (any.empty()) any = "use " + sentence(*os, choice);
    }
    return any;
  }

  static std::string sentence(const OsRow& os, const Choice& choice) {
    return fmt::format("{} with {}", os.name, driver_name(choice));
  }

  /// Returns whether the archive exists (its digest is public), its kernel is supported, and no rule warns about it.
  /// The row of the release may be unverified.
  [[nodiscard]] static bool is_confirmed(const Choice& choice) {
    return !choice.sha256.empty() && choice.existence_warning.empty() && !choice.rule_warns &&
           choice.kernel_support != KernelSupport::unsupported;
  }

  /// Returns the other releases of the same distribution, then those of its family, then the rest. Within each group,
  /// newer releases come before older ones, and the closest version comes first.
  [[nodiscard]] std::vector<const OsRow*> other_releases() const {
    std::vector<const OsRow*> others;
    for (const auto& os : matrix_.operating_systems())
      if (&os != query_.os) others.push_back(&os);
    const auto rank = [&](const OsRow* os) {
      const bool newer = compare_versions(os->version, query_.os->version) >= 0;
      return (os->id == query_.os->id ? 0 : os->family == query_.os->family ? 2 : 4) + (newer ? 0 : 1);
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
    if (query_.sizes.empty()) result_.notes.emplace_back("no VM size is named, so no card is checked");
    for (const auto& note : os_notes(*query_.os, query_.kernel)) result_.notes.push_back(note);
    for (const auto* size : query_.sizes) {
      if (!size->note.empty()) result_.notes.push_back(fmt::format("{}: {}", size->name, size->note));
      if (!size->retires.empty())
        result_.notes.push_back(fmt::format("{}: Azure retires it on {}", size->name, size->retires));
      if (size->vm_generations == std::vector<int>{2} && size->arch == "x86_64")
        result_.notes.push_back(fmt::format("{}: starts from generation 2 (UEFI) images only", size->name));
    }
  }

  /// Says where modules of MLNX_OFED come from when the vendor does not build any for this kernel.
  void note_kernel() {
    const auto& kernel = query_.kernel;
    const bool vendor = std::any_of(result_.choices.begin(), result_.choices.end(),
                                    [](const Choice& choice) { return !choice.inbox && choice.tier != Tier::doca; });
    if (kernel.empty() || kernel == query_.os->ga_kernel || !vendor || query_.ofed == "inbox") return;
    result_.notes.push_back(fmt::format(
        "{} is not the kernel that MLNX_OFED's modules are built for ({}): {}", kernel, query_.os->ga_kernel,
        query_.os->family == "deb"
            ? "bake compiles them in the image if the bundle has none for it; that needs its headers, gcc and make, "
              "and the plan lists what is missing"
            : "bake uses them if every symbol version matches, which the plan checks"));
  }

  [[nodiscard]] DriverQuery with(Sizes sizes) const {
    return {query_.os, std::move(sizes), query_.kernel, query_.ofed, query_.in_store};
  }

  static std::string driver_name(const Choice& choice) {
    return choice.inbox ? std::string("its inbox driver") : product_name(choice.ofed);
  }

  const Matrix& matrix_;
  DriverQuery query_;
  Resolution result_;
};

}  // namespace

void Matrix::require_sizes(const std::vector<std::string>& names) const { known_sizes(*this, names); }

Resolution Matrix::resolve(const Query& query) const {
  const auto& os = known_os(*this, query);
  return Resolver(*this, os, known_sizes(*this, query.vm_sizes), query).run();
}

}  // namespace bake::matrix
