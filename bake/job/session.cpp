#include <fmt/format.h>

#include "bake/base/file.hpp"
#include "bake/disk/overlay.hpp"
#include "bake/guest/facts_cbor.hpp"
#include "bake/job/environment.hpp"

namespace bake::job {

guest::Facts cached_facts(const std::string& kind, const SourceDisk& source, Environment& environment,
                          const std::function<guest::Facts()>& read) {
  auto& progress = environment.progress;
  if (const auto kept = environment.cache.find(kind, source.path))
    if (auto facts = guest::facts_from_cbor(*kept)) {
      progress.step(fmt::format("using the facts of an earlier run: '{}' did not change", source.path.string()));
      return std::move(*facts);
    }
  const auto before = Cache::settled_identity_of(source.path);
  const auto warnings = progress.warnings();
  auto facts = read();
  if (progress.warnings() == warnings) environment.cache.keep(kind, source.path, before, guest::to_cbor(facts));
  return facts;
}

guest::Facts read_facts(const SourceDisk& source, Environment& environment) {
  return cached_facts("facts", source, environment, [&] {
    const TemporaryDirectory scratch;
    const auto session = open_scratch(source, scratch.path(), {}, environment);
    environment.progress.step("inspect");
    return session->inspect();
  });
}

std::unique_ptr<Session> open_scratch(const SourceDisk& source, const std::filesystem::path& directory,
                                      std::vector<std::filesystem::path> payloads, Environment& environment) {
  const auto disk = make_scratch_disk(source, directory, environment.progress);
  environment.progress.step("start the appliance");
  return environment.open_session({disk.path, disk.format, source.path, std::move(payloads), false, true});
}

}  // namespace bake::job
