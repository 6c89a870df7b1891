#include "bake/store/store.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <system_error>
#include <utility>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/bundle/bundle_json.hpp"
#include "bake/store/transaction.hpp"

namespace bake::store {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t max_json = std::size_t{256} << 20U;

/// Who pins `sha256` without a word on the file's name: "command line", "recipe", "matrix", or nobody.
std::string pinned_by(const std::string& sha256, const AddOptions& options) {
  if (!options.pin.empty()) return to_lower(options.pin) == sha256 ? options.pin_source : "";
  return options.known_digest && options.known_digest(sha256) ? "matrix" : "";
}

/// The digest of `archive`, held against whatever pins it before anything in it is parsed, and what pins it.
std::pair<std::string, std::string> digest_and_pin(const fs::path& archive, const AddOptions& options,
                                                   Progress& progress) {
  const auto name = archive.filename().string();
  auto expected = to_lower(options.pin);
  auto source = options.pin_source;
  if (expected.empty() && options.known_pin)
    if (const auto known = options.known_pin(name)) {
      expected = to_lower(*known);
      source = "matrix";
    }
  progress.step(fmt::format("digesting {}", name));
  auto sha256 = digest_of_file(archive);
  if (!expected.empty() && expected != sha256)
    throw Error(ErrorKind::untrusted,
                fmt::format("verifying bundle '{}': its sha256 is {}, the {} pins {}", name, sha256, source, expected),
                "this is not the file that was pinned: fetch it again");
  if (expected.empty()) source = pinned_by(sha256, options);
  return {std::move(sha256), std::move(source)};
}

void check_same_bytes(const fs::path& archive, const std::string& before, const std::string& after) {
  if (before != after)
    throw Error(ErrorKind::untrusted,
                fmt::format("verifying bundle '{}': the file changed while it was read", archive.filename().string()));
}

bundle::Json tree_to_json(const bundle::BundleTree& tree) {
  bundle::Json json{{"files", bundle::Json::object()}, {"links", tree.links()}};
  for (const auto& [path, extent] : tree.files()) json["files"][path] = {extent.offset, extent.size};
  return json;
}

bundle::BundleTree tree_of(const bundle::Bundle& bundle) {
  const auto file = bundle.directory / "tree.json";
  try {
    const auto json = bundle::Json::parse(read_text(file, max_json));
    std::map<std::string, archive::Extent> files;
    for (const auto& [path, extent] : json.at("files").items())
      files.emplace(path, archive::Extent{extent.at(0).get<std::uint64_t>(), extent.at(1).get<std::uint64_t>()});
    return {bundle.payload(), std::move(files), json.at("links").get<std::map<std::string, std::string>>()};
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::failed, fmt::format("reading '{}': {}", file.string(), error.what()),
                "remove the bundle from the store and add it again");
  }
}

bundle::Bundle load(const fs::path& directory) {
  const auto file = directory / "bundle.json";
  auto bundle = bundle::bundle_from_json(read_text(file, max_json), file);
  bundle.directory = directory;
  return bundle;
}

bool was_overridden(const bundle::Trust& trust, std::string_view flag) {
  return std::find(trust.overridden.begin(), trust.overridden.end(), flag) != trust.overridden.end();
}

/// Flags that were given when the bundle came in stay in force for it.
bundle::TrustPolicy recorded_policy(bundle::TrustPolicy policy, const bundle::Trust& trust) {
  policy.allow_rebuilt |= was_overridden(trust, "--allow-rebuilt");
  policy.insecure_no_pin |= was_overridden(trust, "--insecure-no-pin");
  policy.insecure_no_signature |= was_overridden(trust, "--insecure-no-signature");
  policy.insecure_no_index |= was_overridden(trust, "--insecure-no-index");
  return policy;
}

/// Whether `now` overrides no more than `before` and has what vouched then.
bool is_no_worse(const bundle::Trust& before, const bundle::Trust& now) {
  return std::all_of(now.overridden.begin(), now.overridden.end(),
                     [&](const auto& flag) { return was_overridden(before, flag); }) &&
         (before.pin.empty() || !now.pin.empty()) && (before.signer.empty() || !now.signer.empty());
}

/// Reads a stored bundle again. A broken payload is a problem of the result.
Verification read_again(const bundle::Bundle& bundle, const signature::KeyRing& ring, const bundle::TrustPolicy& policy,
                        const std::string& pin, Progress& progress) {
  Verification result;
  result.bundle = bundle;
  progress.step(fmt::format("digesting the payload of {}", bundle.name));
  if (digest_of_file(bundle.payload()) != bundle.payload_sha256)
    result.payload_problem =
        Problem{bundle.payload().string(), "is not what was stored", "remove the bundle and add it again"};
  try {
    auto examination = bundle::examine({bundle.name, bundle.trust.archive_sha256, tree_of(bundle)}, ring,
                                       policy.insecure_no_index, progress);
    result.report = std::move(examination.report);
  } catch (const Error& error) {
    // A broken payload cannot be read to its end; that it is broken is the finding.
    if (!result.payload_problem) throw;
    result.report.index_problems.push_back({bundle.name, error.message(), error.hint()});
  }
  result.report.pin = bundle.trust.pin.empty() ? pin : bundle.trust.pin;
  result.decision = bundle::decide_trust(result.report, bundle, !ring.empty(), policy);
  if (result.payload_problem) result.decision.problems.push_back(*result.payload_problem);
  return result;
}

fs::path index_directory(const bundle::Bundle& bundle, const std::string& flavour) {
  return bundle.directory / "index" / flavour;
}

}  // namespace

AddResult Store::add(const fs::path& archive, const AddOptions& options, Progress& progress) {
  const auto [sha256, pin] = digest_and_pin(archive, options, progress);
  if (fs::exists(directory_ / "bundles" / sha256 / "bundle.json"))
    return add_again(load(directory_ / "bundles" / sha256), pin, options, progress);
  if (const auto free = free_bytes_at(directory_); free < fs::file_size(archive))
    throw Error(ErrorKind::environment,
                fmt::format("adding bundle '{}': {} are free in the store, {} are needed", archive.filename().string(),
                            human_size(free), human_size(fs::file_size(archive))),
                "--store DIR or $BAKE_STORE choose another place for the store");

  StoreTransaction transaction(directory_, progress);
  const auto ring = key_ring(options.keyrings);
  progress.step(fmt::format("reading {}", archive.filename().string()));
  const auto payload = transaction.scratch() / "payload.iso";
  const auto staged = bundle::stage_bundle(archive, payload, options.limits, progress);
  check_same_bytes(archive, sha256, staged.archive_sha256);
  auto examination = bundle::examine(staged, ring, options.policy.insecure_no_index, progress);
  examination.report.pin = pin;
  auto decision = bundle::decide_trust(examination.report, examination.bundle, !ring.empty(), options.policy);
  if (!decision.problems.empty()) bundle::refuse("bundle", examination.bundle.name, std::move(decision.problems));
  for (const auto& warning : decision.warnings) progress.warn(warning);

  progress.step("storing");
  auto& bundle = examination.bundle;
  bundle.trust = std::move(decision.trust);
  bundle.payload_sha256 = digest_of_file(payload);
  bundle.payload_size = fs::file_size(payload);
  for (const auto& [flavour, texts] : examination.texts) {
    transaction.write(fs::path("index") / flavour / "packages", texts.packages);
    transaction.write(fs::path("index") / flavour / "filelists", texts.filelists);
  }
  transaction.write("tree.json", bundle::dump(tree_to_json(staged.tree)));
  transaction.write("bundle.json", bundle::dump(bundle::to_json(bundle)));
  if (fs::exists(directory_ / "bundles" / sha256)) return {load(directory_ / "bundles" / sha256), true, {}, false};
  bundle.directory = transaction.publish("bundles", sha256);
  return {std::move(bundle), false, std::move(decision.warnings), false};
}

AddResult Store::add_again(bundle::Bundle bundle, const std::string& pin, const AddOptions& options,
                           Progress& progress) {
  auto policy = options.policy;
  const bool unindexed = was_overridden(bundle.trust, "--insecure-no-index");
  if (unindexed && !policy.insecure_no_index)
    throw Error(
        ErrorKind::untrusted,
        fmt::format("trusting bundle '{}': the store has it without its index: it came with --insecure-no-index",
                    bundle.name),
        "remove it, then add it again", {{Remedy::Action::remove_bundle, bundle.name}});
  policy.insecure_no_index = unindexed;  // it was held to its index when it came, and still can be
  const auto ring = key_ring(options.keyrings);
  auto decision = read_again(bundle, ring, policy, pin, progress).decision;
  if (!decision.problems.empty()) bundle::refuse("bundle", bundle.name, std::move(decision.problems));

  auto& now = decision.trust;
  if (ring.empty()) {  // then no signature was looked at, and the one of before still stands
    now.signer = bundle.trust.signer;
    std::set<std::string> weak(now.weak.begin(), now.weak.end());
    weak.insert(bundle.trust.weak.begin(), bundle.trust.weak.end());
    now.weak.assign(weak.begin(), weak.end());
  }
  if (!is_no_worse(bundle.trust, now)) return {std::move(bundle), true, {}, false};
  for (const auto& warning : decision.warnings) progress.warn(warning);
  const bool update = bundle::to_json(now) != bundle::to_json(bundle.trust);
  if (update) {
    bundle.trust = std::move(now);
    StoreTransaction transaction(directory_, progress);
    transaction.write("bundle.json", bundle::dump(bundle::to_json(bundle)));
    transaction.replace("bundle.json", fs::path("bundles") / bundle.id() / "bundle.json");
  }
  return {std::move(bundle), true, std::move(decision.warnings), update};
}

Verification Store::verify_archive(const fs::path& archive, const AddOptions& options, Progress& progress) {
  const auto [sha256, pin] = digest_and_pin(archive, options, progress);
  const TemporaryDirectory scratch;
  const auto ring = key_ring(options.keyrings);
  progress.step(fmt::format("reading {}", archive.filename().string()));
  const auto staged = bundle::stage_bundle(archive, scratch.path() / "payload.iso", options.limits, progress);
  check_same_bytes(archive, sha256, staged.archive_sha256);
  auto examination = bundle::examine(staged, ring, options.policy.insecure_no_index, progress);
  examination.report.pin = pin;
  auto decision = bundle::decide_trust(examination.report, examination.bundle, !ring.empty(), options.policy);
  return {std::move(examination.bundle), std::move(examination.report), std::move(decision), std::nullopt};
}

Verification Store::verify(const bundle::Bundle& bundle, const AddOptions& options, Progress& progress) {
  auto result = read_again(bundle, key_ring(options.keyrings), recorded_policy(options.policy, bundle.trust),
                           pinned_by(bundle.id(), options), progress);
  if (!options.pin.empty() && to_lower(options.pin) != bundle.id())
    result.decision.problems.push_back({bundle.name,
                                        fmt::format("its archive's sha256 is {}, the {} pins {}", bundle.id(),
                                                    options.pin_source, to_lower(options.pin)),
                                        ""});
  return result;
}

std::vector<bundle::Bundle> Store::list() const {
  std::vector<bundle::Bundle> bundles;
  for (const auto& entry : entries_of(directory_ / "bundles"))
    if (is_sha256(entry.filename().string())) bundles.push_back(load(entry));
  std::sort(bundles.begin(), bundles.end(), [](const bundle::Bundle& a, const bundle::Bundle& b) {
    const int order = compare_versions(a.version, b.version);
    return order != 0 ? order < 0 : std::tie(a.name, a.id()) < std::tie(b.name, b.id());
  });
  return bundles;
}

std::optional<bundle::Bundle> Store::find(const std::string& version, const std::string& distro,
                                          const std::string& arch) const {
  std::optional<bundle::Bundle> rebuilt;
  for (auto& bundle : list()) {
    if (bundle.version != version || bundle.distro != distro || bundle.arch != arch) continue;
    if (!bundle.rebuilt) return std::move(bundle);
    rebuilt = std::move(bundle);
  }
  return rebuilt;
}

bundle::IndexTexts Store::index_texts(const bundle::Bundle& bundle, const bundle::Repository& repository) {
  const auto directory = index_directory(bundle, repository.flavour);
  return {read_text(directory / "packages", max_json), read_text(directory / "filelists", max_json)};
}

}  // namespace bake::store
