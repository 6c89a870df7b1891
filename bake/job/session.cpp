#include "bake/disk/overlay.hpp"
#include "bake/job/environment.hpp"

namespace bake::job {

std::unique_ptr<Session> open_scratch(const SourceDisk& source, const std::filesystem::path& directory,
                                      std::vector<std::filesystem::path> payloads, Environment& environment) {
  const auto disk = make_scratch_disk(source, directory, environment.progress);
  environment.progress.step("start the appliance");
  return environment.open_session({disk.path, disk.format, source.path, std::move(payloads), false, true});
}

}  // namespace bake::job
