#include "bake/store/derived.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "bake/archive/iso_reader.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/bundle/differences.hpp"
#include "bake/bundle/examine.hpp"

namespace bake::store {
namespace fs = std::filesystem;
namespace {

constexpr const char* add_again_hint = "remove the bundle and add it again";

/// The files of a stored bundle, as a guest sees them that mounts the payload.
bundle::BundleTree tree_of(const bundle::Bundle& bundle) {
  auto tree = archive::read_iso_tree(bundle.payload());
  return {bundle.payload(), std::move(tree.files), std::move(tree.links)};
}

/// Returns the digest of a stored index; empty if it cannot be read.
std::string digest_of_stored_index(const fs::path& directory) {
  try {
    return bundle::digest_of_index(
        {read_text(directory / "packages", max_stored_file), read_text(directory / "filelists", max_stored_file)});
  } catch (const Error&) {
    return {};
  }
}

/// Compares what the store keeps about a bundle with what `derived` from its payload says.
std::vector<Problem> stored_differences(const bundle::Bundle& stored, const bundle::Examination& derived) {
  std::vector<Problem> problems;
  if (stored.directory.filename() != stored.id())
    problems.push_back({"bundle.json",
                        fmt::format("its id is '{}', its directory is called '{}'", printable(stored.id()),
                                    stored.directory.filename().string()),
                        add_again_hint});
  auto different = bundle::differences(stored, derived.bundle);
  problems.insert(problems.end(), different.begin(), different.end());
  for (const auto& [flavour, texts] : derived.texts) {
    const auto directory = index_directory(stored, flavour);
    if (digest_of_stored_index(directory) != bundle::digest_of_index(texts))
      problems.push_back({directory.string(), "differs from what the payload says", add_again_hint});
  }
  return problems;
}

}  // namespace

fs::path index_directory(const bundle::Bundle& bundle, const std::string& flavour) {
  return bundle.directory / "index" / flavour;
}

bool was_overridden(const bundle::Trust& record, std::string_view flag) {
  return std::find(record.overridden.begin(), record.overridden.end(), flag) != record.overridden.end();
}

Verification derive_again(const bundle::Bundle& bundle, const signature::KeyRing& ring, bundle::TrustPolicy policy,
                          const std::string& pin, Progress& progress, bool archive_compared) {
  Verification result;
  result.bundle = bundle;
  result.stored = true;
  progress.step(fmt::format("digesting the payload of {}", bundle.name));
  if (digest_of_file(bundle.payload(), progress) != bundle.payload_sha256)
    result.payload_problem =
        Problem{bundle.payload().string(), "its digest differs from the one that was stored", add_again_hint};
  policy.insecure_no_index = was_overridden(bundle.trust, "--insecure-no-index");
  std::vector<Problem> different;
  try {
    auto examination =
        bundle::examine({bundle.name, bundle.trust.archive_sha256, tree_of(bundle), bundle.trust.from_directory}, ring,
                        policy.insecure_no_index, progress);
    if (!result.payload_problem) different = stored_differences(bundle, examination);
    result.report = std::move(examination.report);
  } catch (const Error& error) {
    // A damaged payload may not be readable to its end; the damage is reported already.
    if (!result.payload_problem) throw;
    result.report.index_problems.push_back({bundle.name, error.message(), error.hint()});
  }
  result.report.from_directory = bundle.trust.from_directory;
  result.report.pin = bundle.trust.pin.empty() ? pin : bundle.trust.pin;
  result.decision = bundle::decide_trust(result.report, bundle, !ring.empty(), policy);
  auto& problems = result.decision.problems;
  // Nothing signed contains the pin of the outer package, and the payload cannot be compared with it.
  if (bundle.doca && !bundle.trust.pin.empty() && !ring.empty() && result.decision.trust.signer.empty() &&
      !policy.insecure_no_signature && !archive_compared)
    problems.push_back({bundle.name, "only the recorded pin vouches for it, which cannot be compared with the payload",
                        "verify the file that you added, with its digest; or pass --insecure-no-signature"});
  if (result.payload_problem) problems.push_back(*result.payload_problem);
  problems.insert(problems.end(), different.begin(), different.end());
  return result;
}

std::vector<Problem> recorded_overrides(const bundle::Trust& record, const bundle::TrustPolicy& policy) {
  const std::pair<std::string_view, bool> known[] = {{"--allow-rebuilt", policy.allow_rebuilt},
                                                     {"--insecure-no-index", policy.insecure_no_index},
                                                     {"--insecure-no-pin", policy.insecure_no_pin},
                                                     {"--insecure-no-signature", policy.insecure_no_signature}};
  std::vector<Problem> problems;
  for (const auto& flag : record.overridden) {
    const auto found =
        std::find_if(std::begin(known), std::end(known), [&](const auto& one) { return one.first == flag; });
    if (found != std::end(known) && found->second) continue;
    problems.push_back(
        {"bundle.json", fmt::format("records that the bundle was added with {}", printable(flag)),
         found == std::end(known) ? add_again_hint : fmt::format("pass {} again if you still accept that", flag)});
  }
  return problems;
}

}  // namespace bake::store
