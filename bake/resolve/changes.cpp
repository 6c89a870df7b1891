// The reasons use names and dependencies, so that a person can check them in the packages.
#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <tuple>

#include "bake/base/text.hpp"
#include "bake/resolve/pool.hpp"

namespace bake::resolve {
namespace {

constexpr std::size_t max_requirers_named = 3;
/// Packages of MLNX_OFED that install below /opt/mellanox, in rpm and deb.
constexpr std::array packages_below_opt{"hcoll", "hcoll-cuda",   "sharp",         "fca",
                                        "mxm",   "mlnx-ethtool", "mlnx-iproute2", "mlnx-fw-updater"};
constexpr const char* no_reason = "chosen by the dependency solver";

struct TransactionDeleter {
  void operator()(Transaction* transaction) const { transaction_free(transaction); }
};
using TransactionPtr = std::unique_ptr<Transaction, TransactionDeleter>;

bool contains(const std::vector<Id>& list, Id id) { return std::find(list.begin(), list.end(), id) != list.end(); }

class ChangeReader {
 public:
  ChangeReader(const PackagePool& pool, const SolverRequest& request, Solver* solver, const std::vector<Id>& wanted,
               const std::vector<Id>& following)
      : pool_(pool),
        request_(request),
        wanted_(wanted),
        following_(following),
        transaction_(solver_create_transaction(solver)) {
    for (int i = 0; i < transaction_->steps.count; ++i) {
      const Id step = transaction_->steps.elements[i];
      (pool_.is_installed(step) ? removed_ : added_).insert(step);
    }
  }

  std::vector<PackageChange> read() const {
    std::vector<PackageChange> changes;
    for (const Id package : added_) changes.push_back(addition(package));
    for (const Id package : removed_)
      if (partner_of(package) == 0) changes.push_back(removal(package));  // otherwise the change is an upgrade
    std::sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) {
      return std::tie(a.action, a.name, a.arch, a.version) < std::tie(b.action, b.name, b.arch, b.version);
    });
    return changes;
  }

 private:
  /// Returns the package of the same name that `package` replaces or that replaces it, or 0.
  Id partner_of(Id package) const {
    IdQueue others;
    transaction_all_obs_pkgs(transaction_.get(), package, others.get());
    for (const Id other : others.list())
      if (pool_.at(other)->name == pool_.at(package)->name) return other;
    return 0;
  }

  PackageChange addition(Id package) const {
    const Id replaced = partner_of(package);
    PackageChange change;
    change.action = replaced != 0 ? PackageChange::Action::upgrade : PackageChange::Action::install;
    change.name = pool_.name(package);
    change.version = pool_.version(package);
    change.arch = pool_.arch(package);
    if (replaced != 0) change.old_version = pool_.version(replaced);
    change.file = pool_.files().at(package);
    const auto& source = request_.sources.at(pool_.source_number(package));
    change.payload = source.payload;
    change.kernel_bundle = source.kernel_bundle;
    change.directory = directory_of(package);
    change.reason = why_added(package, replaced);
    if (replaced != 0 && pool_.compare(package, replaced) < 0)
      change.reason += "; the vendor's version replaces the newer " + change.old_version;
    return change;
  }

  PackageChange removal(Id package) const {
    PackageChange change;
    change.action = PackageChange::Action::remove;
    change.name = pool_.name(package);
    change.version = pool_.version(package);
    change.arch = pool_.arch(package);
    const bool asked = std::find(request_.remove.begin(), request_.remove.end(), change.name) != request_.remove.end();
    change.reason = asked ? "the recipe removes it" : reason_for_removal(package, 0);
    const bool distribution_part = request_.must_go(change.name) || request_.should_go(change.name);
    if (change.reason.empty())
      change.reason =
          distribution_part ? "part of the distribution's RDMA stack, which the vendor's stack replaces" : no_reason;
    return change;
  }

  /// Returns PackageChange::directory. Indexes of rpms list files, indexes of debs do not.
  std::string directory_of(Id package) const {
    std::size_t below_opt = 0, elsewhere = 0;
    Dataiterator files;
    dataiterator_init(&files, pool_.get(), nullptr, package, SOLVABLE_FILELIST, nullptr,
                      SEARCH_FILES | SEARCH_COMPLETE_FILELIST);
    while (dataiterator_step(&files) != 0)
      ++(std::string_view(files.kv.str).starts_with("/opt/") ? below_opt : elsewhere);
    dataiterator_free(&files);
    const bool named = std::find(packages_below_opt.begin(), packages_below_opt.end(), pool_.name(package)) !=
                       packages_below_opt.end();
    return below_opt > elsewhere || named ? "/opt" : "/usr";
  }

  std::string why_added(Id package, Id replaced) const {
    if (contains(wanted_, package)) return "wanted";
    if (const auto names = requirers_of(package); !names.empty()) return "required by " + names;
    if (contains(following_, package)) return "installed, and changed to the version of the vendor's packages";
    const auto why = replaced != 0 ? reason_for_removal(replaced, package) : std::string();
    return why.empty() ? no_reason : "the installed version " + why;
  }

  /// Returns the names of new packages that require something that `package` provides.
  std::string requirers_of(Id package) const {
    std::set<std::string> names;
    for (const Id other : added_) {
      const auto needs = pool_.dependencies(other, SOLVABLE_REQUIRES);
      const auto met = [&](Id need) { return contains(pool_.providers(need), package); };
      if (other != package && std::any_of(needs.begin(), needs.end(), met)) names.insert(pool_.name(other));
    }
    std::vector<std::string> list(names.begin(), names.end());
    if (list.size() <= max_requirers_named) return join(list, ", ");
    const auto more = list.size() - max_requirers_named;
    list.resize(max_requirers_named);
    return join(list, ", ") + " and " + std::to_string(more) + " more";
  }

  /// Returns why the installed package is removed: a package obsoletes it or conflicts with it, or it needs something
  /// that is removed.
  std::string reason_for_removal(Id leaving, Id replacement) const {
    std::map<std::string, Id> others;
    for (const Id other : added_)
      if (other != replacement) others[pool_.name(other)] = other;
    for (const auto& [name, other] : others)
      if (obsoletes(other, leaving)) return "obsoleted by " + name;
    for (const auto& [name, other] : others)
      if (conflicts(other, leaving) || conflicts(leaving, other)) return "conflicts with " + name;
    for (const auto& [name, other] : others)
      if (pool_.at(other)->name == pool_.at(leaving)->name)
        return "cannot be installed with another version of " + name + "." + pool_.arch(other);
    for (const Id need : pool_.dependencies(leaving, SOLVABLE_REQUIRES))
      if (!stays_provided(need)) return "needs " + pool_.dependency_text(need) + ", which is removed";
    return {};
  }

  bool obsoletes(Id owner, Id other) const {
    const auto list = pool_.dependencies(owner, SOLVABLE_OBSOLETES);
    return std::any_of(list.begin(), list.end(),
                       [&](Id id) { return pool_match_nevr(pool_.get(), pool_.at(other), id) != 0; });
  }

  bool conflicts(Id owner, Id other) const {
    const auto list = pool_.dependencies(owner, SOLVABLE_CONFLICTS);
    return std::any_of(list.begin(), list.end(), [&](Id id) { return contains(pool_.providers(id), other); });
  }

  bool stays_provided(Id dependency) const {
    const auto list = pool_.providers(dependency);
    return std::any_of(list.begin(), list.end(), [&](Id provider) {
      return provider == SYSTEMSOLVABLE || added_.count(provider) != 0 ||
             (pool_.is_installed(provider) && removed_.count(provider) == 0);
    });
  }

  const PackagePool& pool_;
  const SolverRequest& request_;
  const std::vector<Id>& wanted_;
  const std::vector<Id>& following_;
  TransactionPtr transaction_;
  std::set<Id> added_;
  std::set<Id> removed_;  // with the replaced ones
};

}  // namespace

std::vector<PackageChange> read_changes(const PackagePool& pool, const SolverRequest& request, Solver* solver,
                                        const std::vector<Id>& wanted, const std::vector<Id>& following) {
  return ChangeReader(pool, request, solver, wanted, following).read();
}

}  // namespace bake::resolve
