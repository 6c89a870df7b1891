#include "bake/job/known_digest.hpp"

#include "bake/base/digest.hpp"

namespace bake::job {
namespace {

constexpr const char* kind = "sha256";

}  // namespace

KnownDigest::KnownDigest(std::filesystem::path file, const Environment& environment)
    : file_(std::move(file)), cache_(environment.cache), before_(identity_of(file_)), known_(cache_.find(kind, file_)) {
  if (known_ && !is_sha256(*known_)) known_.reset();
  if (!known_) running_.emplace(std::vector{file_});
}

const std::string& KnownDigest::wait() {
  if (!known_) {
    known_ = running_->wait().front();
    cache_.keep(kind, file_, before_, *known_);
  }
  return *known_;
}

}  // namespace bake::job
