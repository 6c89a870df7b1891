// libsolv stays in this file, compiled as C++17 (its headers use `requires` as a name).
extern "C" {
#include <solv/evr.h>
#include <solv/pool.h>
#include <solv/pool_parserpmrichdep.h>
#include <solv/poolarch.h>
#include <solv/problems.h>
#include <solv/repo.h>
#include <solv/repo_deb.h>
#include <solv/repo_rpmmd.h>
#include <solv/solver.h>
#include <solv/transaction.h>
}

#include <algorithm>
#include <cstdio>
#include <memory>
#include <tuple>

#include "bake/base/text.hpp"
#include "bake/ofed/solver_pool.hpp"

namespace bake::ofed {
namespace {

constexpr int first_source_priority = 100;  // of each further source one less
constexpr int most_rounds = 500;            // of asking again; a round resolves at least one missing dependency

class IdQueue {
 public:
  IdQueue() { queue_init(&queue_); }
  ~IdQueue() { queue_free(&queue_); }
  IdQueue(const IdQueue&) = delete;
  IdQueue& operator=(const IdQueue&) = delete;

  Queue* get() { return &queue_; }
  [[nodiscard]] int size() const { return queue_.count; }
  [[nodiscard]] bool empty() const { return queue_.count == 0; }
  Id operator[](int index) const { return queue_.elements[index]; }
  void push(Id id) { queue_push(&queue_, id); }
  [[nodiscard]] const Id* begin() const { return queue_.elements; }
  [[nodiscard]] const Id* end() const { return queue_.elements + queue_.count; }

 private:
  Queue queue_{};
};

struct PoolDeleter {
  void operator()(Pool* pool) const { pool_free(pool); }
};
struct SolverDeleter {
  void operator()(Solver* solver) const { solver_free(solver); }
};
struct TransactionDeleter {
  void operator()(Transaction* transaction) const { transaction_free(transaction); }
};
using SolverPtr = std::unique_ptr<Solver, SolverDeleter>;

/// The pool of everything installed and everything that could be.
class Closer {
 public:
  explicit Closer(const SolverRequest& request) : request_(request), pool_(pool_create()) {}
  SolverAnswer run();

 private:
  void load_installed();
  void load_source(const SolverSource& source, int number);
  void drop_what_is_no_candidate(Repo* repo, const SolverSource& source, bool first);
  void make_jobs();
  void want(const SolverWanted& wanted);
  bool candidates_for(const SolverWanted& wanted, IdQueue& ids);
  void add_job_for(const IdQueue& ids, Id flags);
  void allow_removals();
  void allow_several_kernels();
  SolverPtr solve_noting_what_is_missing();
  bool note_missing(Solver* solver);
  void note_missing(Id package, Id dependency);
  void note_conflicts(Solver* solver);
  void read_transaction(Solver* solver);
  void add_change(Transaction* transaction, Id package);
  std::string reason_to_add(Id package, Id replaced);
  std::string why_it_cannot_stay(Id package, Id leaving);
  std::string requirers_of(Id package);
  [[nodiscard]] bool stays_provided(Id dependency) const;

  [[nodiscard]] Solvable* at(Id id) const { return pool_id2solvable(pool_.get(), id); }
  [[nodiscard]] std::string text(Id id) const { return pool_id2str(pool_.get(), id); }
  [[nodiscard]] std::string name_of(Id id) const { return text(at(id)->name); }
  [[nodiscard]] std::string dependency_text(Id id) const { return pool_dep2str(pool_.get(), id); }
  [[nodiscard]] std::string label(Id id) const { return name_of(id) + " " + text(at(id)->evr); }
  [[nodiscard]] bool is_installed(Id id) const { return at(id)->repo == pool_->installed; }
  [[nodiscard]] bool matches(Id dependency, Id package) const;
  [[nodiscard]] int compare(Id a, Id b) const {
    return pool_evrcmp(pool_.get(), at(a)->evr, at(b)->evr, EVRCMP_COMPARE);
  }
  /// Both sides of the marker that sets off pre-dependencies.
  void dependencies(Id package, Id kind, IdQueue& list) const {
    solvable_lookup_deparray(at(package), kind, list.get(), 0);
  }
  /// Packages that satisfy a dependency, installed or not.
  [[nodiscard]] std::vector<Id> providers(Id dependency) const {
    std::vector<Id> list;
    for (const Id* id = pool_whatprovides_ptr(pool_.get(), dependency); *id != 0; ++id) list.push_back(*id);
    return list;
  }
  void finding(std::string where, std::string message, std::string hint = {}) {
    findings_.push_back({std::move(where), std::move(message), std::move(hint)});
  }

  const SolverRequest& request_;
  std::unique_ptr<Pool, PoolDeleter> pool_;
  std::vector<Repo*> sources_;
  std::map<Id, std::string> files_;
  IdQueue jobs_;
  std::set<Id> wanted_;
  std::set<Id> following_;
  std::set<Id> added_;    // of the transaction
  std::set<Id> removed_;  // of the transaction, replaced ones included
  std::vector<Finding> findings_;
  std::vector<SolverChange> changes_;
};

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// libsolv reads streams; this one reads `text` where it lies.
File open_text(std::string_view text) {
  return {fmemopen(const_cast<char*>(text.data()), text.size(), "r"), &std::fclose};
}

Offset add_rpm_dependencies(Repo* repo, const std::vector<RpmDependency>& list, Offset into) {
  Pool* pool = repo->pool;
  for (const auto& dependency : list) {
    if (dependency.name.rfind("rpmlib(", 0) == 0) continue;  // the rpm that installed it had it
    Id id = 0;
    if (dependency.name.front() == '(') id = pool_parserpmrichdep(pool, dependency.name.c_str());
    if (id == 0) id = pool_str2id(pool, dependency.name.c_str(), 1);
    int flags = 0;
    if ((dependency.sense & 2U) != 0) flags |= REL_LT;
    if ((dependency.sense & 4U) != 0) flags |= REL_GT;
    if ((dependency.sense & 8U) != 0) flags |= REL_EQ;
    if (flags != 0 && !dependency.evr.empty())
      id = pool_rel2id(pool, id, pool_str2id(pool, dependency.evr.c_str(), 1), flags, 1);
    into = repo_addid_dep(repo, into, id, 0);
  }
  return into;
}

void add_files(Repodata* data, Id package, const std::vector<std::string>& files) {
  for (const auto& file : files) {
    const auto slash = file.rfind('/');
    const Id directory = repodata_str2dir(data, slash == 0 ? "/" : file.substr(0, slash).c_str(), 1);
    repodata_add_dirstr(data, package, SOLVABLE_FILELIST, directory, file.c_str() + slash + 1);
  }
}

void add_rpm_package(Repo* repo, Repodata* data, const RpmPackage& package) {
  Pool* pool = repo->pool;
  const Id id = repo_add_solvable(repo);
  Solvable* solvable = pool_id2solvable(pool, id);
  solvable->name = pool_str2id(pool, package.name.c_str(), 1);
  solvable->evr = pool_str2id(pool, package.evr.c_str(), 1);
  solvable->arch = pool_str2id(pool, package.arch.c_str(), 1);
  solvable->provides = add_rpm_dependencies(repo, package.provides, 0);
  const Id itself = pool_rel2id(pool, solvable->name, solvable->evr, REL_EQ, 1);
  solvable->provides = repo_addid_dep(repo, solvable->provides, itself, 0);
  solvable->requires = add_rpm_dependencies(repo, package.needs, 0);
  solvable->obsoletes = add_rpm_dependencies(repo, package.obsoletes, 0);
  solvable->conflicts = add_rpm_dependencies(repo, package.conflicts, 0);
  add_files(data, id, package.files);
}

/// libsolv turns Replaces into Obsoletes, which means "upgrades to"; dpkg only lets files be overwritten.
void forget_replaces(Repo* repo) {
  Id id = 0;
  Solvable* solvable = nullptr;
  FOR_REPO_SOLVABLES(repo, id, solvable) { solvable->obsoletes = 0; }
}

void Closer::load_installed() {
  Repo* repo = repo_create(pool_.get(), "image");
  if (request_.deb) {
    const auto file = open_text(request_.installed->deb);
    if (file) repo_add_debpackages(repo, file.get(), 0);
    forget_replaces(repo);
  } else {
    Repodata* data = repo_add_repodata(repo, 0);
    for (const auto& package : request_.installed->rpm)
      if (!package.arch.empty()) add_rpm_package(repo, data, package);  // a gpg-pubkey has no architecture
    repodata_internalize(data);
  }
  pool_set_installed(pool_.get(), repo);
}

void Closer::load_source(const SolverSource& source, int number) {
  Repo* repo = repo_create(pool_.get(), number == 0 ? "bundle" : "extra packages");
  repo->priority = first_source_priority - number;
  int failed = 0;
  if (const auto file = open_text(source.packages_text); file)
    failed = request_.deb ? repo_add_debpackages(repo, file.get(), 0) : repo_add_rpmmd(repo, file.get(), nullptr, 0);
  if (const auto file = open_text(source.filelists_text); file && failed == 0 && !request_.deb)
    failed = repo_add_rpmmd(repo, file.get(), nullptr, REPO_EXTEND_SOLVABLES);
  if (failed != 0) finding(repo->name, std::string("its index cannot be read: ") + pool_errstr(pool_.get()));
  if (request_.deb) forget_replaces(repo);
  drop_what_is_no_candidate(repo, source, number == 0);
  sources_.push_back(repo);
}

void Closer::drop_what_is_no_candidate(Repo* repo, const SolverSource& source, bool first) {
  std::map<Id, Id> newest_installed;
  Id id = 0;
  Solvable* solvable = nullptr;
  FOR_REPO_SOLVABLES(pool_->installed, id, solvable) {
    auto& newest = newest_installed[solvable->name];
    if (newest == 0 || compare(id, newest) > 0) newest = id;
  }
  IdQueue dropped;
  FOR_REPO_SOLVABLES(repo, id, solvable) {
    const auto found = source.files.find(solver_key(text(solvable->name), text(solvable->evr), text(solvable->arch)));
    const auto installed = newest_installed.find(solvable->name);
    // Extra packages add what a small image lacks; they never take it back to an older version.
    const bool older = !first && installed != newest_installed.end() && compare(id, installed->second) < 0;
    const bool never =
        std::find(request_.never.begin(), request_.never.end(), text(solvable->name)) != request_.never.end();
    if (found == source.files.end() || never || older)
      dropped.push(id);
    else
      files_[id] = found->second;
  }
  for (const Id drop : dropped) repo_free_solvable(repo, drop, 0);
}

/// The solvables a wanted name stands for: of the first source that has it, in its newest (or the asked-for) version.
bool Closer::candidates_for(const SolverWanted& wanted, IdQueue& ids) {
  const Id name = pool_str2id(pool_.get(), wanted.name.c_str(), 0);
  if (name == 0) return false;
  for (Repo* repo : sources_) {
    Id best = 0;
    Id id = 0;
    Solvable* solvable = nullptr;
    FOR_REPO_SOLVABLES(repo, id, solvable) {
      if (solvable->name != name || pool_installable(pool_.get(), solvable) == 0) continue;
      if (!wanted.version.empty() && solver_key("", text(solvable->evr), "") != solver_key("", wanted.version, ""))
        continue;
      if (best == 0 || compare(id, best) > 0) best = id;
    }
    if (best == 0) continue;
    FOR_REPO_SOLVABLES(repo, id, solvable) {
      if (solvable->name == name && solvable->evr == at(best)->evr && pool_installable(pool_.get(), solvable) != 0)
        ids.push(id);
    }
    return true;
  }
  return false;
}

void Closer::add_job_for(const IdQueue& ids, Id flags) {
  IdQueue choice;
  for (const Id id : ids) {
    choice.push(id);
    Id installed = 0;
    Solvable* solvable = nullptr;
    FOR_REPO_SOLVABLES(pool_->installed, installed, solvable) {
      if (solvable_identical(solvable, at(id)) != 0 ||
          (solvable->name == at(id)->name && solvable->evr == at(id)->evr && solvable->arch == at(id)->arch))
        choice.push(installed);
    }
  }
  jobs_.push(SOLVER_INSTALL | SOLVER_SOLVABLE_ONE_OF | flags);
  jobs_.push(pool_queuetowhatprovides(pool_.get(), choice.get()));
}

void Closer::want(const SolverWanted& wanted) {
  if (std::find(request_.never.begin(), request_.never.end(), wanted.name) != request_.never.end())
    return finding(wanted.name, "bake never installs this package", "take it out of the list of packages");
  IdQueue ids;
  if (candidates_for(wanted, ids)) {
    for (const Id id : ids) wanted_.insert(id);
    return add_job_for(ids, 0);
  }
  Id id = 0;
  Solvable* solvable = nullptr;
  FOR_REPO_SOLVABLES(pool_->installed, id, solvable) {
    if (wanted.version.empty() && text(solvable->name) == wanted.name) return;  // there already, and nothing better
  }
  std::vector<std::string> names;
  for (const auto& [candidate, file] : files_) names.push_back(name_of(candidate));
  finding(wanted.name,
          "neither the bundle nor the extra packages have it" +
              (wanted.version.empty() ? std::string() : " in version " + wanted.version),
          did_you_mean(wanted.name, names));
}

/// Kernels install beside each other, and so does whatever the image already holds in several versions.
void Closer::allow_several_kernels() {
  if (request_.deb) return;
  std::set<std::string> names{"kernel",       "kernel-core",         "kernel-modules", "kernel-modules-core",
                              "kernel-devel", "kernel-modules-extra"};
  std::set<std::pair<Id, Id>> seen;
  Id id = 0;
  Solvable* solvable = nullptr;
  FOR_REPO_SOLVABLES(pool_->installed, id, solvable) {
    if (!seen.emplace(solvable->name, solvable->arch).second) names.insert(text(solvable->name));
  }
  for (const auto& name : names) {
    jobs_.push(SOLVER_MULTIVERSION | SOLVER_SOLVABLE_NAME);
    jobs_.push(pool_str2id(pool_.get(), name.c_str(), 1));
  }
}

void Closer::allow_removals() {
  std::set<Id> allowed;
  Id id = 0;
  Solvable* solvable = nullptr;
  FOR_REPO_SOLVABLES(pool_->installed, id, solvable) {
    if (request_.removable(text(solvable->name))) allowed.insert(id);
  }
  if (!sources_.empty()) {
    FOR_REPO_SOLVABLES(sources_.front(), id, solvable) {
      IdQueue conflicts;
      dependencies(id, SOLVABLE_CONFLICTS, conflicts);
      for (const Id conflict : conflicts)
        for (const Id other : providers(conflict))
          if (is_installed(other)) allowed.insert(other);
    }
  }
  for (const Id package : allowed) {
    if (request_.is_protected(name_of(package))) continue;
    jobs_.push(SOLVER_ALLOWUNINSTALL | SOLVER_SOLVABLE);
    jobs_.push(package);
  }
}

void Closer::make_jobs() {
  for (const auto& wanted : request_.wanted) want(wanted);
  allow_several_kernels();
  allow_removals();
  if (sources_.empty() || request_.wanted.empty()) return;
  Id id = 0;
  Solvable* solvable = nullptr;
  std::set<std::string> names;
  FOR_REPO_SOLVABLES(pool_->installed, id, solvable) {
    if (request_.follows(text(solvable->name))) names.insert(text(solvable->name));
  }
  for (const auto& name : names) {
    IdQueue ids;
    if (!candidates_for({name, ""}, ids) || at(ids[0])->repo != sources_.front() || wanted_.count(ids[0]) != 0)
      continue;
    for (const Id following : ids) following_.insert(following);
    add_job_for(ids, SOLVER_WEAK);
  }
}

/// libsolv stops at the first obstacle of each package. To name all that is missing, each missing dependency is noted,
/// taken away, and the question asked again, until what remains is solvable or fails for other reasons.
SolverPtr Closer::solve_noting_what_is_missing() {
  for (int round = 0;; ++round) {
    SolverPtr solver(solver_create(pool_.get()));
    solver_set_flag(solver.get(), SOLVER_FLAG_ALLOW_DOWNGRADE, 1);
    solver_set_flag(solver.get(), SOLVER_FLAG_ALLOW_VENDORCHANGE, 1);
    solver_set_flag(solver.get(), SOLVER_FLAG_IGNORE_RECOMMENDED, 1);
    if (solver_solve(solver.get(), jobs_.get()) == 0) return solver;
    if (!note_missing(solver.get()) || round == most_rounds) {
      note_conflicts(solver.get());
      return nullptr;
    }
  }
}

bool Closer::note_missing(Solver* solver) {
  std::set<std::pair<Id, Id>> missing;
  const int problems = static_cast<int>(solver_problem_count(solver));
  for (int problem = 1; problem <= problems; ++problem) {
    IdQueue rules;
    solver_findallproblemrules(solver, problem, rules.get());
    for (const Id rule : rules) {
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

void Closer::note_missing(Id package, Id dependency) {
  std::string message = "nothing provides " + dependency_text(dependency) + ", needed by " + label(package);
  Id name = dependency;
  while (ISRELDEP(name)) name = GETRELDEP(pool_.get(), name)->name;
  Id id = 0;
  Solvable* solvable = nullptr;
  FOR_REPO_SOLVABLES(pool_->installed, id, solvable) {
    if (solvable->name == name) message += " (the image has " + label(id) + ")";
  }
  finding(name_of(package), message, "add the package to the store's extra packages: bake bundle add --extra DIR");
  IdQueue needs;
  IdQueue rest;
  dependencies(package, SOLVABLE_REQUIRES, needs);
  for (const Id need : needs)
    if (need != dependency) rest.push(need);
  solvable_set_deparray(at(package), SOLVABLE_REQUIRES, rest.get(), 0);
}

void Closer::note_conflicts(Solver* solver) {
  const int problems = static_cast<int>(solver_problem_count(solver));
  for (int problem = 1; problem <= problems; ++problem) {
    Id source = 0;
    Id target = 0;
    Id dependency = 0;
    const Id rule = solver_findproblemrule(solver, problem);
    const auto type = solver_ruleinfo(solver, rule, &source, &target, &dependency);
    finding(source != 0 ? name_of(source) : "packages",
            solver_problemruleinfo2str(solver, type, source, target, dependency),
            "remove the package from the image, or leave out what conflicts with it");
  }
}

bool Closer::matches(Id dependency, Id package) const {
  const auto list = providers(dependency);
  return std::find(list.begin(), list.end(), package) != list.end();
}

bool Closer::stays_provided(Id dependency) const {
  const auto list = providers(dependency);
  return std::any_of(list.begin(), list.end(), [&](Id provider) {
    return provider == SYSTEMSOLVABLE || added_.count(provider) != 0 ||
           (is_installed(provider) && removed_.count(provider) == 0);
  });
}

std::string Closer::requirers_of(Id package) {
  std::set<std::string> names;
  for (const Id other : added_) {
    if (other == package) continue;
    IdQueue needs;
    dependencies(other, SOLVABLE_REQUIRES, needs);
    if (std::any_of(needs.begin(), needs.end(), [&](Id need) { return matches(need, package); }))
      names.insert(name_of(other));
  }
  constexpr std::size_t most_named = 3;
  const std::vector<std::string> list(names.begin(), names.end());
  if (list.size() <= most_named) return join(list, ", ");
  return join({list.begin(), list.begin() + most_named}, ", ") + " and " + std::to_string(list.size() - most_named) +
         " more";
}

/// Why the installed package `leaving` goes: what obsoletes it, conflicts with it, or no longer carries it.
std::string Closer::why_it_cannot_stay(Id replacement, Id leaving) {
  const auto hits = [&](Id owner, Id kind, Id other) {
    IdQueue list;
    dependencies(owner, kind, list);
    return std::any_of(list.begin(), list.end(), [&](Id dependency) {
      return kind == SOLVABLE_OBSOLETES ? pool_match_nevr(pool_.get(), at(other), dependency) != 0
                                        : matches(dependency, other);
    });
  };
  std::map<std::string, Id> by_name;
  for (const Id other : added_)
    if (other != replacement) by_name[name_of(other)] = other;
  for (const auto& [name, other] : by_name)
    if (hits(other, SOLVABLE_OBSOLETES, leaving)) return "obsoleted by " + name;
  for (const auto& [name, other] : by_name)
    if (hits(other, SOLVABLE_CONFLICTS, leaving) || hits(leaving, SOLVABLE_CONFLICTS, other))
      return "conflicts with " + name;
  IdQueue needs;
  dependencies(leaving, SOLVABLE_REQUIRES, needs);
  for (const Id need : needs)
    if (!stays_provided(need)) return "needs " + dependency_text(need) + ", which goes";
  return {};
}

std::string Closer::reason_to_add(Id package, Id replaced) {
  const std::string older = replaced != 0 && compare(package, replaced) < 0
                                ? "; the vendor's version replaces the newer " + text(at(replaced)->evr)
                                : std::string();
  if (wanted_.count(package) != 0) return "wanted" + older;
  if (const auto names = requirers_of(package); !names.empty()) return "required by " + names + older;
  if (following_.count(package) != 0) return "installed, and kept in step with the vendor's packages" + older;
  if (replaced != 0)
    if (const auto why = why_it_cannot_stay(package, replaced); !why.empty()) return "the installed one " + why + older;
  return "chosen by the dependency solver" + older;
}

void Closer::add_change(Transaction* transaction, Id package) {
  IdQueue others;
  transaction_all_obs_pkgs(transaction, package, others.get());
  Id partner = 0;
  for (const Id other : others)
    if (at(other)->name == at(package)->name) partner = other;
  const bool removal = is_installed(package);
  if (removal && partner != 0) return;  // told with the package that replaces it
  SolverChange change;
  change.name = name_of(package);
  change.version = text(at(package)->evr);
  change.arch = text(at(package)->arch);
  if (removal) {
    change.kind = SolverChange::Kind::remove;
    change.reason = why_it_cannot_stay(0, package);
    if (change.reason.empty()) change.reason = "chosen by the dependency solver";
  } else {
    change.kind = partner != 0 ? SolverChange::Kind::upgrade : SolverChange::Kind::install;
    if (partner != 0) change.old_version = text(at(partner)->evr);
    change.file = files_.at(package);
    change.payload =
        request_.sources[static_cast<std::size_t>(first_source_priority - at(package)->repo->priority)].payload;
    change.reason = reason_to_add(package, partner);
  }
  changes_.push_back(std::move(change));
}

void Closer::read_transaction(Solver* solver) {
  const std::unique_ptr<Transaction, TransactionDeleter> transaction(solver_create_transaction(solver));
  IdQueue steps;
  queue_insertn(steps.get(), 0, transaction->steps.count, transaction->steps.elements);
  for (const Id step : steps) (is_installed(step) ? removed_ : added_).insert(step);
  for (const Id step : steps) add_change(transaction.get(), step);
}

SolverAnswer Closer::run() {
  pool_setdisttype(pool_.get(), request_.deb ? DISTTYPE_DEB : DISTTYPE_RPM);
  pool_setarch(pool_.get(), request_.arch.c_str());
  // As rpm does: a 32-bit package neither replaces nor is replaced by a 64-bit one of the same name.
  pool_set_flag(pool_.get(), POOL_FLAG_OBSOLETEUSESCOLORS, 1);
  pool_set_flag(pool_.get(), POOL_FLAG_IMPLICITOBSOLETEUSESCOLORS, 1);
  load_installed();
  int number = 0;
  for (const auto& source : request_.sources) load_source(source, number++);
  pool_addfileprovides(pool_.get());
  pool_createwhatprovides(pool_.get());
  make_jobs();
  if (const auto solver = solve_noting_what_is_missing(); solver && findings_.empty()) read_transaction(solver.get());
  const auto key = [](const Finding& f) { return std::tie(f.where, f.message); };
  std::sort(findings_.begin(), findings_.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  findings_.erase(
      std::unique(findings_.begin(), findings_.end(), [&](const auto& a, const auto& b) { return key(a) == key(b); }),
      findings_.end());
  std::sort(changes_.begin(), changes_.end(), [](const auto& a, const auto& b) {
    return std::tie(a.kind, a.name, a.arch, a.version) < std::tie(b.kind, b.name, b.arch, b.version);
  });
  return {std::move(changes_), std::move(findings_)};
}

}  // namespace

std::string solver_key(const std::string& name, const std::string& evr, const std::string& arch) {
  return name + "\t" + (evr.rfind("0:", 0) == 0 ? evr.substr(2) : evr) + "\t" + arch;
}

SolverAnswer run_solver(const SolverRequest& request) { return Closer(request).run(); }

}  // namespace bake::ofed
