#include "bake/job/known_digest.hpp"

#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"

namespace bake::job {
namespace {

constexpr const char* kind = "sha256";

}  // namespace

KnownDigest::KnownDigest(std::filesystem::path file, const Environment& environment)
    : file_(std::move(file)), cache_(environment.cache), known_(cache_.find(kind, file_)) {
  if (known_ && !is_sha256(*known_)) known_.reset();
  if (known_) return;
  before_ = Cache::settled_identity_of(file_);
  running_.emplace(std::vector{file_});
}

const std::string& KnownDigest::wait() {
  SilentProgress silent;
  return wait(silent);
}

const std::string& KnownDigest::wait(Progress& progress) {
  if (!known_) {
    known_ = running_->wait(progress).front();
    keep_digest(file_, before_, *known_, cache_);
  }
  return *known_;
}

void keep_digest(const std::filesystem::path& file, const std::optional<FileIdentity>& before,
                 const std::string& sha256, const Cache& cache) {
  cache.keep(kind, file, before, sha256);
}

void check_payload(const std::string& name, const std::string& found, const std::string& sha256,
                   const std::optional<Remedy>& remedy) {
  if (found == sha256) return;
  throw Error(
      ErrorKind::untrusted,
      fmt::format("checking the payload of '{}': its sha256 is {}, the store added it as {}", name, found, sha256),
      "remove it, then add it again from its source", {remedy.value_or(Remedy{Remedy::Action::remove_bundle, name})});
}

}  // namespace bake::job
