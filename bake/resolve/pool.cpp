#include "bake/resolve/pool.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <new>

namespace bake::resolve {
namespace {

constexpr int first_source_priority = 100;  // each further source has one less

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// Returns a stream for libsolv that reads `text` without a copy.
File open_text(std::string_view text) {
  File file(fmemopen(const_cast<char*>(text.data()), text.size(), "r"), &std::fclose);
  if (!file) throw std::bad_alloc();
  return file;
}

Id dependency_id(Pool* pool, const RpmDependency& dependency) {
  Id id = 0;
  if (dependency.name.front() == '(') id = pool_parserpmrichdep(pool, dependency.name.c_str());
  if (id == 0) id = pool_str2id(pool, dependency.name.c_str(), 1);
  int flags = 0;
  if ((dependency.sense & 2U) != 0) flags |= REL_LT;
  if ((dependency.sense & 4U) != 0) flags |= REL_GT;
  if ((dependency.sense & 8U) != 0) flags |= REL_EQ;
  if (flags == 0 || dependency.evr.empty()) return id;
  return pool_rel2id(pool, id, pool_str2id(pool, dependency.evr.c_str(), 1), flags, 1);
}

Offset add_dependencies(Repo* repo, const std::vector<RpmDependency>& list) {
  Offset offset = 0;
  for (const auto& dependency : list)
    if (dependency.name.rfind("rpmlib(", 0) != 0)  // a feature of the rpm program that installed the package
      offset = repo_addid_dep(repo, offset, dependency_id(repo->pool, dependency), 0);
  return offset;
}

void add_file(Repodata* data, Id package, const std::string& file) {
  const auto slash = file.rfind('/');
  const Id directory = repodata_str2dir(data, slash == 0 ? "/" : file.substr(0, slash).c_str(), 1);
  repodata_add_dirstr(data, package, SOLVABLE_FILELIST, directory, file.c_str() + slash + 1);
}

void add_files(Repodata* data, Id package, const std::vector<std::string>& files) {
  for (const auto& file : files) {
    add_file(data, package, file);
    // /bin is a link to /usr/bin since EL7. rpm compares the real directories; packages name either path.
    if (file.rfind("/usr/bin/", 0) == 0 || file.rfind("/usr/sbin/", 0) == 0) add_file(data, package, file.substr(4));
    if (file.rfind("/bin/", 0) == 0 || file.rfind("/sbin/", 0) == 0) add_file(data, package, "/usr" + file);
  }
}

void add_rpm_package(Repo* repo, Repodata* data, const RpmPackage& package) {
  Pool* pool = repo->pool;
  const Id id = repo_add_solvable(repo);
  Solvable* solvable = pool_id2solvable(pool, id);
  solvable->name = pool_str2id(pool, package.name.c_str(), 1);
  solvable->evr = pool_str2id(pool, package.evr.c_str(), 1);
  solvable->arch = pool_str2id(pool, package.arch.c_str(), 1);
  const Id itself = pool_rel2id(pool, solvable->name, solvable->evr, REL_EQ, 1);
  solvable->dep_provides = repo_addid_dep(repo, add_dependencies(repo, package.provides), itself, 0);
  solvable->dep_requires = add_dependencies(repo, package.needs);
  solvable->dep_obsoletes = add_dependencies(repo, package.obsoletes);
  solvable->dep_conflicts = add_dependencies(repo, package.conflicts);
  add_files(data, id, package.files);
}

/// libsolv turns Replaces into Obsoletes, which means "upgrades to"; dpkg only lets files be overwritten.
void ignore_replaces(Pool* pool, Repo* repo) {
  for (const Id id : PackagePool::packages_of(repo)) pool_id2solvable(pool, id)->dep_obsoletes = 0;
}

}  // namespace

std::string solver_key(const std::string& name, const std::string& evr, const std::string& arch) {
  return name + "\t" + (evr.rfind("0:", 0) == 0 ? evr.substr(2) : evr) + "\t" + arch;
}

PackagePool::PackagePool(const SolverRequest& request, std::vector<Problem>& problems) : pool_(pool_create()) {
  pool_setdisttype(get(), request.deb ? DISTTYPE_DEB : DISTTYPE_RPM);
  pool_setarch(get(), request.arch.c_str());
  // As in rpm, a 32-bit package and a 64-bit package of the same name do not replace each other.
  pool_set_flag(get(), POOL_FLAG_OBSOLETEUSESCOLORS, 1);
  pool_set_flag(get(), POOL_FLAG_IMPLICITOBSOLETEUSESCOLORS, 1);
  load_installed(request);
  for (const auto& source : request.sources) {
    const auto error = load_source(request, source);
    if (!error.empty()) problems.push_back({sources_.back()->name, "its index cannot be read: " + error, ""});
  }
  pool_addfileprovides(get());
  pool_createwhatprovides(get());
}

void PackagePool::load_installed(const SolverRequest& request) {
  Repo* repo = repo_create(get(), "image");
  if (request.deb) {
    if (!request.installed->deb.empty()) repo_add_debpackages(repo, open_text(request.installed->deb).get(), 0);
    ignore_replaces(get(), repo);
  } else {
    Repodata* data = repo_add_repodata(repo, 0);
    for (const auto& package : request.installed->rpm)
      if (!package.arch.empty()) add_rpm_package(repo, data, package);  // a gpg-pubkey has no architecture
    repodata_internalize(data);
  }
  pool_set_installed(get(), repo);
}

/// Returns libsolv's error message for the index; empty when the index is read.
std::string PackagePool::load_source(const SolverRequest& request, const SolverSource& source) {
  Repo* repo = repo_create(get(), sources_.empty() ? "bundle" : "extra packages");
  repo->priority = first_source_priority - static_cast<int>(sources_.size());
  sources_.push_back(repo);
  int failed = 0;
  if (!source.packages_text.empty()) {
    const auto file = open_text(source.packages_text);
    failed = request.deb ? repo_add_debpackages(repo, file.get(), 0) : repo_add_rpmmd(repo, file.get(), nullptr, 0);
  }
  if (failed == 0 && !source.filelists_text.empty() && !request.deb)
    failed = repo_add_rpmmd(repo, open_text(source.filelists_text).get(), nullptr, REPO_EXTEND_SOLVABLES);
  if (request.deb) ignore_replaces(get(), repo);
  drop_other_packages(request, source, repo);
  return failed != 0 ? pool_errstr(get()) : "";
}

void PackagePool::drop_other_packages(const SolverRequest& request, const SolverSource& source, Repo* repo) {
  std::map<Id, Id> newest_installed;
  for (const Id id : installed()) {
    auto& best = newest_installed[at(id)->name];
    if (best == 0 || compare(id, best) > 0) best = id;
  }
  for (const Id id : packages_of(repo)) {
    const auto file = source.files.find(solver_key(name(id), version(id), arch(id)));
    const auto newest = newest_installed.find(at(id)->name);
    // Extra packages add packages to a small image. They never replace an installed package by an older version.
    const bool older = repo != sources_.front() && newest != newest_installed.end() && compare(id, newest->second) < 0;
    const bool never = std::find(request.never.begin(), request.never.end(), name(id)) != request.never.end();
    if (file == source.files.end() || never || older)
      repo_free_solvable(repo, id, 0);
    else
      files_[id] = file->second;
  }
}

std::size_t PackagePool::source_number(Id package) const {
  return static_cast<std::size_t>(first_source_priority - at(package)->repo->priority);
}

int PackagePool::compare(Id a, Id b) const { return pool_evrcmp(get(), at(a)->evr, at(b)->evr, EVRCMP_COMPARE); }

std::vector<Id> PackagePool::packages_of(Repo* repo) {
  std::vector<Id> list;
  Id id = 0;
  Solvable* solvable = nullptr;
  FOR_REPO_SOLVABLES(repo, id, solvable) { list.push_back(id); }
  return list;
}

std::vector<Id> PackagePool::dependencies(Id package, Id kind) const {
  IdQueue queue;
  solvable_lookup_deparray(at(package), kind, queue.get(), 0);
  auto list = queue.list();
  list.erase(std::remove(list.begin(), list.end(), SOLVABLE_PREREQMARKER), list.end());
  return list;
}

MissingPackage PackagePool::missing_package(Id dependency, std::string needed_by) const {
  static constexpr const char* relations[] = {"", ">", "=", ">=", "<", "<>", "<=", ""};  // bits: REL_GT, REL_EQ, REL_LT
  MissingPackage missing;
  missing.needed_by = std::move(needed_by);
  while (ISRELDEP(dependency)) {
    const auto* part = GETRELDEP(get(), dependency);
    if (part->flags > 0 && part->flags < static_cast<int>(std::size(relations)) && !ISRELDEP(part->evr)) {
      missing.relation = relations[part->flags];
      missing.version = text(part->evr);
    }
    dependency = part->name;
  }
  missing.name = text(dependency);
  return missing;
}

std::vector<Id> PackagePool::providers(Id dependency) const {
  std::vector<Id> list;
  for (const Id* id = pool_whatprovides_ptr(get(), dependency); *id != 0; ++id) list.push_back(*id);
  return list;
}

}  // namespace bake::resolve
