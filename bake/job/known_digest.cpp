#include "bake/job/known_digest.hpp"

#include "bake/base/digest.hpp"

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
  if (!known_) {
    known_ = running_->wait().front();
    keep_digest(file_, before_, *known_, cache_);
  }
  return *known_;
}

void keep_digest(const std::filesystem::path& file, const std::optional<FileIdentity>& before,
                 const std::string& sha256, const Cache& cache) {
  cache.keep(kind, file, before, sha256);
}

}  // namespace bake::job
