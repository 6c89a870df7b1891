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
#include "bake/store/store.hpp"
#include "matrix/matrix.hpp"

namespace bake::job {

/// Which disk to start the appliance on.
struct DiskRequest {
  std::filesystem::path disk;                   ///< is written to: a copy or an overlay, never a base
  std::string format;                           ///< "raw" or "qcow2"
  std::filesystem::path known_as;               ///< the file that the user named, for messages
  std::vector<std::filesystem::path> payloads;  ///< attached read-only, in this order
  bool compiles = false;                        ///< modules may be built in it: that takes processors and memory
};

/// One start of the appliance with one guest in it.
class Session {
 public:
  virtual ~Session() = default;
  virtual guest::Guest& guest() = 0;
  /// Looks at the guest as it is now. Throws Error{environment} when the disk did not take what was written so far.
  virtual guest::Facts inspect() = 0;
  /// Trims free space, syncs, unmounts and shuts down; throws when any of that fails. Without it nothing is promised
  /// about the disk.
  virtual void finish() = 0;
};

/// What a job needs of the world. Tests put fakes in.
struct Environment {
  const matrix::Matrix& matrix;
  store::Store& store;
  Progress& progress;
  std::function<std::unique_ptr<Session>(const DiskRequest&)> open_session;
  /// Starts of the appliance so far in this process.
  std::function<unsigned()> launches;
};

/// Starts the appliance on a scratch disk in `directory` that keeps all writes from `source`.
std::unique_ptr<Session> open_scratch(const SourceDisk& source, const std::filesystem::path& directory,
                                      std::vector<std::filesystem::path> payloads, Environment& environment);

}  // namespace bake::job
