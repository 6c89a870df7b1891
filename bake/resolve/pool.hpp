#pragma once

// The only header of this room that includes libsolv. Its headers use `requires` as the name of a field, which is a
// keyword in C++20, unless this macro is defined (solv/solvable.h).
#define LIBSOLV_SOLVABLE_PREPEND_DEP
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

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bake/resolve/solver.hpp"

namespace bake::resolve {

class IdQueue {
 public:
  IdQueue() { queue_init(&queue_); }
  ~IdQueue() { queue_free(&queue_); }
  IdQueue(const IdQueue&) = delete;
  IdQueue& operator=(const IdQueue&) = delete;

  Queue* get() { return &queue_; }
  void push(Id id) { queue_push(&queue_, id); }
  [[nodiscard]] std::vector<Id> list() const { return {queue_.elements, queue_.elements + queue_.count}; }

 private:
  Queue queue_{};
};

/// The pool of libsolv: the installed packages, and the packages of the sources that may be installed.
class PackagePool {
 public:
  /// Reads the texts of the request. Adds a problem for every text that libsolv cannot read.
  PackagePool(const SolverRequest& request, std::vector<Problem>& problems);

  [[nodiscard]] Pool* get() const { return pool_.get(); }
  [[nodiscard]] const std::vector<Repo*>& sources() const { return sources_; }
  [[nodiscard]] std::size_t source_number(Id package) const;
  [[nodiscard]] const std::map<Id, std::string>& files() const { return files_; }

  [[nodiscard]] Solvable* at(Id id) const { return pool_id2solvable(pool_.get(), id); }
  [[nodiscard]] std::string text(Id id) const { return pool_id2str(pool_.get(), id); }
  [[nodiscard]] std::string name(Id package) const { return text(at(package)->name); }
  [[nodiscard]] std::string version(Id package) const { return text(at(package)->evr); }
  [[nodiscard]] std::string arch(Id package) const { return text(at(package)->arch); }
  [[nodiscard]] std::string dependency_text(Id id) const { return pool_dep2str(pool_.get(), id); }
  [[nodiscard]] bool is_installed(Id package) const { return at(package)->repo == pool_->installed; }
  [[nodiscard]] bool is_installable(Id package) const { return pool_installable(pool_.get(), at(package)) != 0; }
  /// Returns the package that a missing dependency asks for; of alternatives and conditions the first part.
  [[nodiscard]] MissingPackage missing_package(Id dependency, std::string needed_by) const;
  /// Returns a negative number, zero or a positive number if the version of `a` is older than, equal to or newer than
  /// that of `b`.
  [[nodiscard]] int compare(Id a, Id b) const;
  [[nodiscard]] std::vector<Id> installed() const { return packages_of(pool_->installed); }
  [[nodiscard]] static std::vector<Id> packages_of(Repo* repo);
  /// Returns the dependencies of a kind (SOLVABLE_REQUIRES, …), with pre-dependencies.
  [[nodiscard]] std::vector<Id> dependencies(Id package, Id kind) const;
  /// Returns the packages that satisfy a dependency, installed or not.
  [[nodiscard]] std::vector<Id> providers(Id dependency) const;

 private:
  void load_installed(const SolverRequest& request);
  std::string load_source(const SolverRequest& request, const SolverSource& source);
  void drop_other_packages(const SolverRequest& request, const SolverSource& source, Repo* repo);

  struct Deleter {
    void operator()(Pool* pool) const { pool_free(pool); }
  };
  std::unique_ptr<Pool, Deleter> pool_;
  std::vector<Repo*> sources_;
  std::map<Id, std::string> files_;
};

/// Returns the changes that libsolv decided, each with its reason. `wanted` and `following` are the packages that were
/// asked for and the ones that follow them.
std::vector<PackageChange> read_changes(const PackagePool& pool, const SolverRequest& request, Solver* solver,
                                        const std::vector<Id>& wanted, const std::vector<Id>& following);

}  // namespace bake::resolve
