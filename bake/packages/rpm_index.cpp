#include "bake/packages/rpm_index.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <iterator>
#include <memory>
#include <optional>
// libsolv's struct has a member `requires`, a keyword of C++20; this asks for the other spelling.
#define LIBSOLV_SOLVABLE_PREPEND_DEP
extern "C" {
#include <solv/chksum.h>
#include <solv/dataiterator.h>
#include <solv/knownid.h>
#include <solv/pool.h>
#include <solv/queue.h>
#include <solv/repo.h>
#include <solv/repo_repomdxml.h>
#include <solv/repo_rpmmd.h>
#include <solv/solvable.h>
}

#include "bake/base/error.hpp"
#include "bake/base/printable.hpp"

namespace bake::bundle {
namespace {

constexpr std::size_t max_shown = 200;  // bytes of a relation in a message

using FilePointer = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

std::optional<DigestAlgorithm> algorithm_of(Id type) {
  switch (type) {
    case REPOKEY_TYPE_MD5:
      return DigestAlgorithm::md5;
    case REPOKEY_TYPE_SHA1:
      return DigestAlgorithm::sha1;
    case REPOKEY_TYPE_SHA256:
      return DigestAlgorithm::sha256;
    case REPOKEY_TYPE_SHA512:
      return DigestAlgorithm::sha512;
    default:
      return std::nullopt;
  }
}

std::string text_or_empty(const char* text) { return text != nullptr ? text : ""; }

/// A libsolv repository filled from `text` by one of libsolv's parsers.
class ParsedRepo {
 public:
  template <typename Parser>
  ParsedRepo(const std::string& text, std::string_view name, Parser parser)
      : pool_(pool_create(), &pool_free), repo_(repo_create(pool_.get(), "bundle")) {
    pool_setdisttype(pool_.get(), DISTTYPE_RPM);
    // fmemopen() refuses an empty buffer; libsolv never writes to it.
    const FilePointer file(text.empty() ? nullptr : ::fmemopen(const_cast<char*>(text.data()), text.size(), "r"),
                           &std::fclose);
    if (!file || parser(repo_, file.get()) != 0)
      throw Error(ErrorKind::untrusted,
                  fmt::format("reading index '{}': {}", name, file ? pool_errstr(pool_.get()) : "it is empty"));
    repo_internalize(repo_);
  }
  [[nodiscard]] Pool* pool() const { return pool_.get(); }
  [[nodiscard]] Repo* repo() const { return repo_; }

 private:
  std::unique_ptr<Pool, decltype(&pool_free)> pool_;
  Repo* repo_;
};

struct RelationKind {
  const char* word;
  Id key;
  bool may_be_incomplete;  ///< an index may lack some of what the header has
};
constexpr std::array<RelationKind, 8> relation_kinds{{{"provides", SOLVABLE_PROVIDES, false},
                                                      {"requires", SOLVABLE_REQUIRES, true},
                                                      {"conflicts", SOLVABLE_CONFLICTS, false},
                                                      {"obsoletes", SOLVABLE_OBSOLETES, false},
                                                      {"recommends", SOLVABLE_RECOMMENDS, true},
                                                      {"suggests", SOLVABLE_SUGGESTS, true},
                                                      {"supplements", SOLVABLE_SUPPLEMENTS, true},
                                                      {"enhances", SOLVABLE_ENHANCES, true}}};

Relations relations_of(Solvable* solvable, Pool* pool) {
  Relations relations;
  Queue ids;
  queue_init(&ids);
  for (const auto& kind : relation_kinds) {
    queue_empty(&ids);
    solvable_lookup_deparray(solvable, kind.key, &ids, 0);
    std::vector<std::string> list;
    for (int i = 0; i < ids.count; ++i)  // the markers separate kinds of requirements, which are compared together
      if (ids.elements[i] != SOLVABLE_PREREQMARKER && ids.elements[i] != SOLVABLE_FILEMARKER)
        list.emplace_back(pool_dep2str(pool, ids.elements[i]));
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    if (!list.empty()) relations.emplace(kind.word, std::move(list));
  }
  queue_free(&ids);
  return relations;
}

/// Returns the first of `list` that `other` lacks; both are sorted.
std::string first_missing(const std::vector<std::string>& list, const std::vector<std::string>& other) {
  std::vector<std::string> missing;
  std::set_difference(list.begin(), list.end(), other.begin(), other.end(), std::back_inserter(missing));
  return missing.empty() ? std::string() : missing.front();
}

}  // namespace

std::vector<MetadataFile> parse_repomd(const std::string& text, std::string_view name) {
  const ParsedRepo parsed(text, name, [](Repo* repo, std::FILE* file) { return repo_add_repomdxml(repo, file, 0); });
  std::vector<MetadataFile> files;
  Dataiterator walk;
  dataiterator_init(&walk, parsed.pool(), parsed.repo(), SOLVID_META, REPOSITORY_REPOMD_TYPE, nullptr, 0);
  dataiterator_prepend_keyname(&walk, REPOSITORY_REPOMD);
  while (dataiterator_step(&walk) != 0) {
    MetadataFile entry;
    dataiterator_setpos_parent(&walk);
    entry.type = text_or_empty(pool_lookup_str(parsed.pool(), SOLVID_POS, REPOSITORY_REPOMD_TYPE));
    const auto location = text_or_empty(pool_lookup_str(parsed.pool(), SOLVID_POS, REPOSITORY_REPOMD_LOCATION));
    if (location.empty()) continue;
    entry.file.file = plain_path(location, name);
    entry.file.size = pool_lookup_num(parsed.pool(), SOLVID_POS, REPOSITORY_REPOMD_SIZE, 0);
    Id type = 0;
    const auto digest =
        text_or_empty(pool_lookup_checksum(parsed.pool(), SOLVID_POS, REPOSITORY_REPOMD_CHECKSUM, &type));
    if (const auto algorithm = algorithm_of(type)) entry.file.digests.emplace(*algorithm, digest);
    files.push_back(std::move(entry));
  }
  dataiterator_free(&walk);
  return files;
}

std::vector<IndexedPackage> parse_primary(const std::string& text, std::string_view name) {
  std::size_t count = 0;  // of what libsolv might take for packages, before it does
  for (auto at = text.find("<package"); at != std::string::npos; at = text.find("<package", at + 1))
    check_package_count(++count, name);
  const ParsedRepo parsed(text, name,
                          [](Repo* repo, std::FILE* file) { return repo_add_rpmmd(repo, file, nullptr, 0); });
  std::vector<IndexedPackage> packages;
  Id id = 0;
  Solvable* solvable = nullptr;
  FOR_REPO_SOLVABLES(parsed.repo(), id, solvable) {
    IndexedPackage package;
    package.name = text_or_empty(pool_id2str(parsed.pool(), solvable->name));
    package.version = text_or_empty(pool_id2str(parsed.pool(), solvable->evr));
    package.arch = text_or_empty(pool_id2str(parsed.pool(), solvable->arch));
    package.installed_size = solvable_lookup_num(solvable, SOLVABLE_INSTALLSIZE, 0);
    unsigned int medium = 0;
    const auto location = text_or_empty(solvable_lookup_location(solvable, &medium));
    package.file.size = solvable_lookup_num(solvable, SOLVABLE_DOWNLOADSIZE, 0);
    Id type = 0;
    const auto digest = text_or_empty(solvable_lookup_checksum(solvable, SOLVABLE_CHECKSUM, &type));
    const auto algorithm = algorithm_of(type);
    if (package.name.empty() || location.empty() || package.file.size == 0 || !algorithm || digest.empty())
      throw Error(ErrorKind::untrusted,
                  fmt::format("reading index '{}': package {} '{}' lacks its location, size or digest", name,
                              packages.size() + 1, package.name));
    package.file.file = plain_path(location, name);
    package.file.digests.emplace(*algorithm, digest);
    package.relations = relations_of(solvable, parsed.pool());
    packages.push_back(std::move(package));
  }
  return packages;
}

std::string relation_difference(const Relations& index, const Relations& header) {
  const auto of = [](const Relations& relations, const char* kind) {
    const auto found = relations.find(kind);
    return found == relations.end() ? std::vector<std::string>() : found->second;
  };
  for (const auto& [word, key, may_be_incomplete] : relation_kinds) {
    const auto indexed = of(index, word);
    const auto own = of(header, word);
    if (const auto added = first_missing(indexed, own); !added.empty())
      return fmt::format("only the index says that it {} '{}'", word, printable(added.substr(0, max_shown)));
    if (may_be_incomplete) continue;
    if (const auto dropped = first_missing(own, indexed); !dropped.empty())
      return fmt::format("only its header says that it {} '{}'", word, printable(dropped.substr(0, max_shown)));
  }
  return {};
}

}  // namespace bake::bundle
