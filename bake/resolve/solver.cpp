#include "bake/resolve/solver.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "bake/base/text.hpp"
#include "bake/resolve/pool.hpp"

namespace bake::resolve {
namespace {

constexpr int max_rounds = 500;  // each removes at least one missing dependency
constexpr const char* extras_hint = "add the package to the store's extra packages";

struct SolverDeleter {
  void operator()(Solver* solver) const { solver_free(solver); }
};
using SolverPtr = std::unique_ptr<Solver, SolverDeleter>;

class Question {
 public:
  explicit Question(const SolverRequest& request) : request_(request), pool_(request, problems_) {}

  Closure run() {
    make_jobs();
    const auto solver = solve_and_note_missing();
    sort_problems();
    Closure answer;
    if (solver && problems_.empty()) answer.changes = read_changes(pool_, request_, solver.get(), wanted_, following_);
    answer.problems = std::move(problems_);
    answer.missing = std::move(missing_);
    return answer;
  }

 private:
  void make_jobs();
  void want(const SolverWanted& wanted);
  /// Whether the packages come from the distribution only: then a name that is unknown is not a typing error.
  [[nodiscard]] bool without_bundle() const {
    return request_.sources.empty() || request_.sources.front().payload != 0;
  }
  [[nodiscard]] std::vector<Id> candidates_for(const SolverWanted& wanted) const;
  [[nodiscard]] std::vector<Id> candidates_in(Repo* repo, const SolverWanted& wanted) const;
  void install_one_of(const std::vector<Id>& ids, Id flags);
  void allow_several_kernels();
  void allow_removals();
  void upgrade_installed_rdma_packages();
  void remove_replaced_packages();
  SolverPtr solve_and_note_missing();
  bool note_missing(Solver* solver);
  void note_missing(Id package, Id dependency);
  void note_conflicts(Solver* solver);
  std::string explain(Solver* solver, Id rule, Id& package) const;
  [[nodiscard]] std::string other_architectures_of(Id package) const;
  void sort_problems();

  void job(Id what, Id target) {
    jobs_.push(what);
    jobs_.push(target);
  }

  const SolverRequest& request_;
  std::vector<Problem> problems_;
  std::vector<MissingPackage> missing_;
  PackagePool pool_;
  IdQueue jobs_;
  std::vector<Id> wanted_;
  std::vector<Id> following_;
};

void Question::make_jobs() {
  for (const auto& wanted : request_.wanted) want(wanted);
  for (const Id id : pool_.installed())
    if (std::find(request_.remove.begin(), request_.remove.end(), pool_.name(id)) != request_.remove.end())
      job(SOLVER_ERASE | SOLVER_SOLVABLE, id);
  allow_several_kernels();
  allow_removals();
  if (wanted_.empty()) return;
  upgrade_installed_rdma_packages();
  remove_replaced_packages();
}

std::vector<Id> Question::candidates_in(Repo* repo, const SolverWanted& wanted) const {
  std::vector<Id> best;
  for (const Id id : PackagePool::packages_of(repo)) {
    if (pool_.name(id) != wanted.name || !pool_.is_installable(id)) continue;
    if (!wanted.version.empty() && solver_key("", pool_.version(id), "") != solver_key("", wanted.version, ""))
      continue;
    if (!best.empty() && pool_.compare(id, best.front()) > 0) best.clear();
    if (best.empty() || pool_.compare(id, best.front()) == 0) best.push_back(id);
  }
  return best;
}

/// Returns the packages of a wanted name: those of the first source that has it, in the newest or the wanted version.
std::vector<Id> Question::candidates_for(const SolverWanted& wanted) const {
  for (Repo* repo : pool_.sources())
    if (auto found = candidates_in(repo, wanted); !found.empty()) return found;
  return {};
}

/// Asks libsolv to install one of `ids`. An installed package of the same name, version and architecture is also right.
void Question::install_one_of(const std::vector<Id>& ids, Id flags) {
  IdQueue choice;
  for (const Id id : ids) choice.push(id);
  for (const Id installed : pool_.installed())
    for (const Id id : ids) {
      const auto* a = pool_.at(installed);
      const auto* b = pool_.at(id);
      if (a->name == b->name && a->evr == b->evr && a->arch == b->arch) choice.push(installed);
    }
  job(SOLVER_INSTALL | SOLVER_SOLVABLE_ONE_OF | flags, pool_queuetowhatprovides(pool_.get(), choice.get()));
}

void Question::want(const SolverWanted& wanted) {
  if (std::find(request_.never.begin(), request_.never.end(), wanted.name) != request_.never.end()) {
    problems_.push_back({wanted.name, "bake never installs this package", "remove it from the list of packages"});
    return;
  }
  if (const auto ids = candidates_for(wanted); !ids.empty()) {
    wanted_.insert(wanted_.end(), ids.begin(), ids.end());
    install_one_of(ids, 0);
    return;
  }
  const auto installed = pool_.installed();
  const auto has_name = [&](Id id) { return pool_.name(id) == wanted.name; };
  if (wanted.version.empty() && std::any_of(installed.begin(), installed.end(), has_name)) return;
  if (without_bundle() || wanted.distribution) {
    missing_.push_back({wanted.name, wanted.version.empty() ? "" : "=", wanted.version, {}});
    problems_.push_back(
        {wanted.name, "neither the image nor the extra packages have it", extras_hint, {{Remedy::Action::add_extras}}});
    return;
  }
  std::vector<std::string> names;
  for (const auto& [candidate, file] : pool_.files()) names.push_back(pool_.name(candidate));
  problems_.push_back({wanted.name,
                       "neither the bundle nor the extra packages have it" +
                           (wanted.version.empty() ? std::string() : " in version " + wanted.version),
                       did_you_mean(wanted.name, names)});
}

/// Allows several versions of kernels, and of every package that the image has in several versions already.
void Question::allow_several_kernels() {
  if (request_.deb) return;
  std::set<std::string> names{"kernel",       "kernel-core",          "kernel-modules",      "kernel-modules-core",
                              "kernel-devel", "kernel-modules-extra", "kernel-devel-matched"};
  std::set<std::pair<Id, Id>> seen;
  for (const Id id : pool_.installed())
    if (!seen.emplace(pool_.at(id)->name, pool_.at(id)->arch).second) names.insert(pool_.name(id));
  for (const auto& name : names)
    job(SOLVER_MULTIVERSION | SOLVER_SOLVABLE_NAME, pool_str2id(pool_.get(), name.c_str(), 1));
}

void Question::allow_removals() {
  if (request_.keeps_all) return;
  std::set<Id> allowed;
  for (const Id id : pool_.installed())
    if (request_.removable(pool_.name(id))) allowed.insert(id);
  if (!pool_.sources().empty())
    for (const Id id : PackagePool::packages_of(pool_.sources().front()))
      for (const Id conflict : pool_.dependencies(id, SOLVABLE_CONFLICTS))
        for (const Id other : pool_.providers(conflict))
          if (pool_.is_installed(other)) allowed.insert(other);
  for (const Id id : allowed)
    if (!request_.is_protected(pool_.name(id))) job(SOLVER_ALLOWUNINSTALL | SOLVER_SOLVABLE, id);
}

void Question::upgrade_installed_rdma_packages() {
  std::set<std::string> names;
  for (const Id id : pool_.installed())
    if (request_.follows(pool_.name(id))) names.insert(pool_.name(id));
  for (const auto& name : names) {
    const auto ids = candidates_in(pool_.sources().front(), {name, ""});
    const auto is_wanted = [&](Id id) { return pool_.name(id) == name; };
    if (ids.empty() || std::any_of(wanted_.begin(), wanted_.end(), is_wanted)) continue;
    following_.insert(following_.end(), ids.begin(), ids.end());
    install_one_of(ids, SOLVER_WEAK);
  }
}

void Question::remove_replaced_packages() {
  for (const Id id : pool_.installed()) {
    const auto name = pool_.name(id);
    const bool must = request_.must_go(name);
    if (!must && !request_.should_go(name)) continue;
    if (candidates_in(pool_.sources().front(), {name, ""}).empty())
      job(SOLVER_ERASE | SOLVER_SOLVABLE | (must ? 0 : SOLVER_WEAK), id);
  }
}

/// Solves the question. libsolv reports only the first missing dependency of each package. To report all of them, each
/// missing dependency is noted and removed and the question is asked again, until it has a solution or fails for other
/// reasons.
SolverPtr Question::solve_and_note_missing() {
  for (int round = 0;; ++round) {
    SolverPtr solver(solver_create(pool_.get()));
    solver_set_flag(solver.get(), SOLVER_FLAG_ALLOW_DOWNGRADE, 1);
    solver_set_flag(solver.get(), SOLVER_FLAG_ALLOW_VENDORCHANGE, 1);
    solver_set_flag(solver.get(), SOLVER_FLAG_IGNORE_RECOMMENDED, 1);
    if (solver_solve(solver.get(), jobs_.get()) == 0) return solver;
    if (round < max_rounds && note_missing(solver.get())) continue;
    note_conflicts(solver.get());
    return nullptr;
  }
}

bool Question::note_missing(Solver* solver) {
  std::set<std::pair<Id, Id>> missing;
  const auto problems = static_cast<Id>(solver_problem_count(solver));
  for (Id problem = 1; problem <= problems; ++problem) {
    IdQueue rules;
    solver_findallproblemrules(solver, problem, rules.get());
    for (const Id rule : rules.list()) {
      Id package = 0;
      Id target = 0;
      Id dependency = 0;
      if (solver_ruleinfo(solver, rule, &package, &target, &dependency) == SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP)
        missing.emplace(package, dependency);
    }
  }
  for (const auto& [package, dependency] : missing) note_missing(package, dependency);
  return !missing.empty();
}

void Question::note_missing(Id package, Id dependency) {
  std::string message = "nothing provides " + pool_.dependency_text(dependency) + ", needed by " + pool_.name(package) +
                        " " + pool_.version(package);
  Id name = dependency;
  while (ISRELDEP(name)) name = GETRELDEP(pool_.get(), name)->name;
  for (const Id id : pool_.installed())
    if (pool_.at(id)->name == name) message += " (the image has " + pool_.name(id) + " " + pool_.version(id) + ")";
  problems_.push_back({pool_.name(package), message, extras_hint, {{Remedy::Action::add_extras}}});
  auto missing = pool_.missing_package(dependency, pool_.name(package) + " " + pool_.version(package));
  if (std::find(request_.never.begin(), request_.never.end(), missing.name) == request_.never.end())
    missing_.push_back(std::move(missing));
  IdQueue rest;
  for (const Id need : pool_.dependencies(package, SOLVABLE_REQUIRES))
    if (need != dependency) rest.push(need);
  solvable_set_deparray(pool_.at(package), SOLVABLE_REQUIRES, rest.get(), 0);
}

void Question::note_conflicts(Solver* solver) {
  const auto problems = static_cast<Id>(solver_problem_count(solver));
  for (Id problem = 1; problem <= problems; ++problem) {
    Id package = 0;
    auto message = explain(solver, solver_findproblemrule(solver, problem), package);
    IdQueue rules;
    solver_findallproblemrules(solver, problem, rules.get());
    std::set<std::string> more;
    for (const Id rule : rules.list()) {
      Id ignored = 0;
      if ((solver_ruleinfo(solver, rule, nullptr, nullptr, nullptr) & SOLVER_RULE_TYPEMASK) == SOLVER_RULE_PKG)
        more.insert(explain(solver, rule, ignored));
    }
    more.erase(message);
    for (const auto& text : more) message += "; " + text;
    problems_.push_back({package != 0 ? pool_.name(package) : "packages", message,
                         "remove the package from the image, or leave out the package that conflicts with it"});
  }
}

std::string Question::explain(Solver* solver, Id rule, Id& package) const {
  Id target = 0;
  Id dependency = 0;
  const auto type = solver_ruleinfo(solver, rule, &package, &target, &dependency);
  const std::string message = solver_problemruleinfo2str(solver, type, package, target, dependency);
  return type == SOLVER_RULE_PKG_SAME_NAME ? message + other_architectures_of(package) : message;
}

/// Returns a note for a package that is installed for two architectures: both must have the same version. libsolv's
/// message does not say so.
std::string Question::other_architectures_of(Id package) const {
  std::string note;
  for (const Id id : pool_.installed())
    if (pool_.at(id)->name == pool_.at(package)->name && pool_.at(id)->arch != pool_.at(package)->arch)
      note += " (" + pool_.name(id) + "." + pool_.arch(id) + " " + pool_.version(id) +
              " is installed and must have the same version)";
  return note;
}

void Question::sort_problems() {
  const auto order = [](const MissingPackage& each) {
    return std::tie(each.name, each.relation, each.version, each.needed_by);
  };
  std::sort(missing_.begin(), missing_.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  missing_.erase(std::unique(missing_.begin(), missing_.end()), missing_.end());
  const auto key = [](const Problem& problem) { return std::tie(problem.where, problem.message); };
  std::sort(problems_.begin(), problems_.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  const auto last =
      std::unique(problems_.begin(), problems_.end(), [&](const auto& a, const auto& b) { return key(a) == key(b); });
  problems_.erase(last, problems_.end());
}

}  // namespace

Closure run_solver(const SolverRequest& request) { return Question(request).run(); }

}  // namespace bake::resolve
