#include "bake/job/inspect.hpp"

#include <ctime>
#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/base/time.hpp"
#include "bake/disk/digest.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/job/finished.hpp"
#include "bake/job/known_digest.hpp"
#include "bake/job/plan.hpp"
#include "bake/job/steps.hpp"
#include "bake/verify/evidence.hpp"
#include "bake/verify/files.hpp"
#include "bake/verify/privileges.hpp"

namespace bake::job {
namespace fs = std::filesystem;
namespace {

void skip(const std::vector<std::string>& rules, const std::string& reason, std::vector<verify::Check>& checks) {
  for (const auto& rule : rules) checks.push_back(verify::skipped(rule, reason));
}

/// Compares the digest of the file with the one in the manifest next to it.
verify::Check compare_digest(const nlohmann::json& outside, const std::string& actual) {
  const auto expected = outside.value("product", nlohmann::json::object()).value("sha256", std::string());
  return {
      "digest", expected == actual,
      expected == actual ? "sha256 " + actual : fmt::format("sha256 is {}, the manifest says {}", actual, expected)};
}

/// Compares the manifest next to the image with the one inside it, and says whether the image was signed again.
void check_manifests(const nlohmann::json& outside, const nlohmann::json& inside, std::vector<verify::Check>& checks) {
  checks.push_back(compare_manifests(outside, inside));
  if (const auto summary = verify::resigned_summary(outside); !summary.empty())
    checks.emplace_back("resigned", true, "another program changed the image after the bake, recorded " + summary);
}

/// Checks the signature, the digest and the evidence next to the image, without an appliance. Stops after a wrong
/// signature: the digest takes longer.
std::vector<verify::Check> check_proof(const fs::path& image, const std::optional<nlohmann::json>& manifest,
                                       Environment& environment, const std::string& public_pem) {
  std::vector<verify::Check> checks{verify::check_signature(image, public_pem)};
  if (checks.back().failed()) {
    skip({"digest", "sbom", "sbom cyclonedx", "provenance", "checksums"}, "not checked, because the signature is wrong",
         checks);
    return checks;
  }
  environment.progress.step("hash the image");
  const auto digest = digest_of_disk(image, environment.progress);
  checks.clear();
  if (manifest)
    checks.push_back(compare_digest(*manifest, digest));
  else
    checks.push_back(verify::skipped("digest", "there is no manifest next to the image"));
  for (auto& check : verify::check_evidence(image, digest, public_pem)) checks.push_back(std::move(check));
  return checks;
}

/// The manifest that an image is compared with.
struct GivenManifest {
  fs::path file;
  std::string text;
};

/// Reads it before the cache is asked: a file that is missing or cannot be read is an error in every run.
std::optional<GivenManifest> read_given(const std::optional<fs::path>& file) {
  if (!file) return std::nullopt;
  return GivenManifest{*file, read_text(*file, verify::max_document)};
}

/// Names a verdict in the cache: everything that it depends on, besides the image itself. Throws if a sidecar file
/// cannot be read.
std::string verdict_kind(const fs::path& image, const std::optional<GivenManifest>& manifest) {
  std::string parts = (manifest ? digest_of(manifest->text) : "none") + "\n";
  const auto add = [&](Sidecar kind) {
    const auto file = sidecar_of(image, kind);
    parts += (fs::exists(file) ? digest_of_file(file) : "none") + "\n";
  };
  for (const auto kind : evidence_sidecars) add(kind);
  add(Sidecar::checksums);
  return "verify-" + digest_of(parts);
}

std::optional<VerifyResult> verdict_from(const std::optional<std::string>& kept) {
  if (!kept) return std::nullopt;
  try {
    const auto json = nlohmann::json::parse(*kept);
    return VerifyResult{verify::checks_from(json.at("checks")), json.at("ofed"), json.at("kernel"), json.at("time")};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

/// Returns the kind of the guest in an image with this manifest; empty without one.
std::string kind_of_baked(const std::optional<nlohmann::json>& manifest) {
  if (!manifest) return {};
  const auto os = manifest->value("os", nlohmann::json::object());
  return guest_kind({os.value("id", ""), os.value("version", "")});
}

VerifyResult verify_now(const fs::path& image, const std::optional<GivenManifest>& manifest, Environment& environment,
                        const std::string& public_pem) {
  VerifyResult verdict;
  verdict.checks.push_back(check_container(image));
  if (verdict.checks.back().failed()) {  // offsets inside a wrong container are not reliable
    skip({"guest", "digest", "manifest", "files", "sbom", "sbom cyclonedx", "provenance", "signature", "checksums"},
         "not checked, because the container is wrong", verdict.checks);
    return verdict;
  }
  std::optional<nlohmann::json> outside;  // read before the slow start of the appliance
  if (manifest) outside = verify::read_manifest(manifest->text, manifest->file.string());
  std::vector<verify::Check> proof;
  if (!public_pem.empty()) {
    proof = check_proof(image, outside, environment, public_pem);
    if (!verify::is_good(proof)) {
      verdict.checks.insert(verdict.checks.end(), proof.begin(), proof.end());
      skip({"guest", "manifest", "files"}, "not checked, because the proof next to the image does not hold",
           verdict.checks);
      return verdict;
    }
  }
  const auto source = probe_source(image);
  std::optional<BackgroundDigests> hashing;  // while the appliance starts
  if (outside && public_pem.empty()) hashing.emplace(std::vector{image});
  std::vector<std::string> steps{"start the appliance", "inspect", "verify"};
  if (hashing) steps.emplace_back("hash the image");
  environment.progress.plan_steps(kind_of_baked(outside), steps);
  const TemporaryDirectory scratch;
  auto session = open_scratch(source, scratch.path(), {}, environment);
  // Before any program of the guest runs, which could change the files.
  std::optional<verify::Check> files;
  if (outside) files = verify::verify_files(session->guest(), *outside);
  const auto privileges = verify::find_privileges(session->guest());
  environment.progress.step("inspect");
  const auto facts = session->inspect();
  if (!facts.baked_manifest) {
    verdict.checks.emplace_back("manifest", false,
                                fmt::format("the image has no {}: bake did not make it", guest::manifest_path));
    verdict.checks.push_back(verify::skipped("guest", "not checked: its expectations are in that manifest"));
    if (public_pem.empty())
      skip({"digest", "files", "sbom", "sbom cyclonedx", "provenance", "signature", "checksums"},
           "not checked: bake did not make the image", verdict.checks);
    verdict.checks.insert(verdict.checks.end(), proof.begin(), proof.end());
    return verdict;
  }
  environment.progress.step("verify");
  const auto inside = verify::read_manifest(*facts.baked_manifest, guest::manifest_path);
  const auto expected = plan::expectations_from(inside.at("expectations"));
  verdict.ofed = expected.ofed;
  verdict.kernel = expected.kernel;
  for (auto& check : check_guest(*session, facts, expected, privileges)) verdict.checks.push_back(std::move(check));
  if (!outside && public_pem.empty() && !expected.firstboot_sha256.empty())
    verify::advise_unvouched_firstboot(verdict.checks);
  if (!outside)
    skip(public_pem.empty() ? std::vector<std::string>{"digest", "manifest", "files"}
                            : std::vector<std::string>{"manifest", "files"},
         "there is no manifest next to the image", verdict.checks);
  if (!public_pem.empty()) {
    if (outside) check_manifests(*outside, inside, verdict.checks);
    if (files) verdict.checks.push_back(std::move(*files));
    verdict.checks.insert(verdict.checks.end(), proof.begin(), proof.end());
    return verdict;
  }
  if (!hashing) {
    skip({"sbom", "sbom cyclonedx", "provenance", "signature", "checksums"}, "neither a manifest nor a key was given",
         verdict.checks);
    return verdict;
  }
  environment.progress.step("hash the image");
  const auto& digest = hashing->wait(environment.progress).front();
  verdict.checks.push_back(compare_digest(*outside, digest));
  check_manifests(*outside, inside, verdict.checks);
  if (files) verdict.checks.push_back(std::move(*files));
  for (auto& check : verify::check_evidence(image, digest, {})) verdict.checks.push_back(std::move(check));
  return verdict;
}

}  // namespace

guest::Facts inspect_disk(const SourceDisk& source, Environment& environment) {
  return read_facts(source, environment);
}

std::string make_recipe_for(const fs::path& disk, const std::vector<std::string>& vm_sizes, Environment& environment) {
  environment.matrix.require_sizes(vm_sizes);  // before the slow start of the appliance
  const auto source = open_source(disk);
  KnownDigest base(disk, environment);
  environment.progress.plan_steps("", {"start the appliance", "inspect", "choose a driver", "hash the base"});
  const auto facts = inspect_disk(source, environment);
  environment.progress.step("choose a driver");
  const auto resolution =
      environment.matrix.resolve({facts.os.id, facts.os.version, facts.default_kernel, vm_sizes, ""});
  recipe::Recipe recipe;
  recipe.name = recipe::name_for(disk.stem().string());
  recipe.base.path = fs::absolute(disk);
  recipe.os = {facts.os.id, facts.os.version};
  for (const auto& name : vm_sizes) recipe.vm_sizes.push_back(environment.matrix.find_size(name)->name);
  // A release in the store can be baked at once; without one, the recipe names the first choice.
  auto with_kernel = recipe;  // the recipe itself leaves the kernel to the guest
  with_kernel.kernel = facts.default_kernel;
  const auto stored = resolve::find_driver(with_kernel, environment.matrix, read_offer(environment));
  if (!stored && resolution.choices.empty())
    throw Error(ErrorKind::incompatible,
                fmt::format("choosing a driver for {} {} on {}: {}", facts.os.id, facts.os.version,
                            join(vm_sizes, ", "), join(resolution.refusals, "; ")),
                resolution.suggestion);
  const auto& best = stored ? stored->choice : resolution.choices.front();
  environment.progress.step("hash the base");
  recipe.base.sha256 = base.wait(environment.progress);
  recipe.ofed.choice = best.inbox ? recipe::OfedChoice::inbox : recipe::OfedChoice::version;
  recipe.ofed.version = best.ofed;
  std::string text =
      fmt::format("# {}, {} boots by default ({})\n", facts.os.pretty_name,
                  facts.default_kernel.empty() ? "no kernel of it" : facts.default_kernel, facts.default_kernel_how);
  for (const auto& warning : facts.default_kernel_warnings) text += fmt::format("# {}\n", warning);
  if (!best.file_name.empty()) text += fmt::format("# needs in the store: {}\n", best.file_name);
  for (const auto& reason : best.reasons) text += fmt::format("# {}\n", reason);
  return text + recipe::write(recipe);
}

VerifyResult verify_image(const fs::path& image, const std::optional<fs::path>& manifest, Environment& environment,
                          const std::string& public_pem, bool again) {
  const auto given = read_given(manifest);
  const auto kind = verdict_kind(image, given);
  // Who gives a key wants the proof, not what an earlier run found.
  if (!again && public_pem.empty())
    if (auto earlier = verdict_from(environment.cache.find(kind, image))) return std::move(*earlier);
  const auto before = Cache::settled_identity_of(image);
  const auto warnings = environment.progress.warnings();
  auto verdict = verify_now(image, given, environment, public_pem);
  if (public_pem.empty() && verify::is_good(verdict.checks) && environment.progress.warnings() == warnings &&
      verdict_kind(image, given) == kind)
    environment.cache.keep(kind, image, before,
                           nlohmann::ordered_json{{"time", iso_time(std::time(nullptr))},
                                                  {"ofed", verdict.ofed},
                                                  {"kernel", verdict.kernel},
                                                  {"checks", verify::to_json(verdict.checks)}}
                               .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  return verdict;
}

}  // namespace bake::job
