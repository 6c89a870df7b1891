#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/disk/source.hpp"
#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"
#include "bake/job/cache.hpp"
#include "bake/store/store.hpp"
#include "matrix/matrix.hpp"

namespace bake::job {

/// The disk on which the appliance starts.
struct DiskRequest {
  std::filesystem::path disk;                   ///< will be written: a copy or an overlay, never a base
  std::string format;                           ///< "raw" or "qcow2"
  std::filesystem::path known_as;               ///< the file that the user named, for messages
  std::vector<std::filesystem::path> payloads;  ///< attached read-only, in this order
  bool compiles = false;                        ///< modules may be built in it, which needs processors and memory
  bool reads_only = false;                      ///< all that runs in the guest together takes minutes at most
};

/// One start of the appliance with one guest in it.
class Session {
 public:
  virtual ~Session() = default;
  virtual guest::Guest& guest() = 0;
  /// Returns the current facts of the guest. Throws Error{environment} when the disk did not accept earlier writes.
  virtual guest::Facts inspect() = 0;
  /// Trims free space, syncs, unmounts and shuts down. Throws when a step fails. Without this call the state of the
  /// disk is undefined.
  virtual void finish() = 0;
};

/// Everything outside the program that a job uses. Tests use fakes.
struct Environment {
  const matrix::Matrix& matrix;
  store::Store& store;
  Progress& progress;
  std::function<std::unique_ptr<Session>(const DiskRequest&)> open_session;
  /// Returns how often this process has started the appliance.
  std::function<unsigned()> launches;
  Cache cache{};
};

/// Returns facts of the given kind about a disk: from the cache when it has them and the disk did not change, otherwise
/// from `read`; these are kept unless there was a warning, which would be missing in the next run.
guest::Facts cached_facts(const std::string& kind, const SourceDisk& source, Environment& environment,
                          const std::function<guest::Facts()>& read);

/// Returns the facts about a disk: from the cache when the disk was read before and did not change, otherwise through
/// an appliance.
guest::Facts read_facts(const SourceDisk& source, Environment& environment);

/// Starts the appliance on a scratch disk in `directory`, so that `source` is not written.
std::unique_ptr<Session> open_scratch(const SourceDisk& source, const std::filesystem::path& directory,
                                      std::vector<std::filesystem::path> payloads, Environment& environment);

}  // namespace bake::job
