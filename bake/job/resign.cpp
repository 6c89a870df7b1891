#include "bake/job/resign.hpp"

#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/json.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/time.hpp"
#include "bake/disk/digest.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/evidence/files.hpp"
#include "bake/evidence/resigned.hpp"
#include "bake/job/finished.hpp"
#include "bake/signature/signing.hpp"
#include "bake/verify/evidence.hpp"
#include "bake/verify/files.hpp"
#include "bake/verify/privileges.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Reads the evidence of the image before the change. Only the manifest is needed.
evidence::Before read_before(const fs::path& image) {
  const auto file = sidecar_of(image, Sidecar::manifest);
  if (!fs::exists(file))
    throw Error(ErrorKind::usage,
                fmt::format("describing '{}' again: there is no {}", image.string(), file.filename().string()),
                "the manifest of the bake says what the image was; copy it next to the image");
  const auto text = read_text(file, verify::max_document);
  if (!verify::read_manifest(text, file.string()).contains("files"))
    throw Error(ErrorKind::config,
                fmt::format("reading manifest '{}': it does not list the files of the image", file.string()),
                "an old version of bake made the image; bake it again");
  return {Json::parse(text), digest_of(text), {}};
}

/// Returns the CycloneDX document next to the image, which names the package files. It describes the image before, or,
/// if an earlier run was killed, the image now. Null: there is none of either.
Json read_cyclonedx(const fs::path& image, const std::string& before, const std::string& now) {
  const auto file = sidecar_of(image, Sidecar::sbom_cyclonedx);
  if (!fs::exists(file)) return nullptr;
  const auto text = read_text(file, verify::max_document);
  for (const auto& sha256 : {before, now})
    if (verify::cyclonedx_problem(text, sha256).empty()) return Json::parse(text);
  return nullptr;
}

/// What bake found in the changed image.
struct Seen {
  std::vector<verify::Check> checks;
  Json files;
  std::string kernel;
  std::vector<guest::InstalledPackage> installed;
  guest::DetailsOfPackages details;
};

/// Reads the guest and makes every check of it. The files first, because programs of the guest may change them.
Seen look_at(Session& session, const evidence::Before& before, Progress& progress) {
  Seen seen;
  progress.step("compare the files with the manifest");
  const nlohmann::json outside = before.manifest;
  seen.files = verify::record_files_again(session.guest(), outside.at("files"));
  const auto privileges = verify::find_privileges(session.guest());
  progress.step("inspect");
  const auto facts = session.inspect();
  seen.kernel = facts.default_kernel;
  seen.installed = facts.packages.packages;
  if (!facts.baked_manifest) {
    seen.checks.emplace_back("manifest", false, fmt::format("the image has no {}", guest::manifest_path));
    return seen;
  }
  const auto inside = verify::read_manifest(*facts.baked_manifest, guest::manifest_path);
  progress.step("verify");
  seen.checks = check_guest(session, facts, plan::expectations_from(inside.at("expectations")), privileges);
  seen.checks.push_back(compare_manifests(outside, inside));
  seen.details = guest::read_package_details(session.guest(), facts.family);
  return seen;
}

void require_good(const std::vector<verify::Check>& checks, const fs::path& image, Progress& progress) {
  for (const auto& check : checks)
    progress.detail(fmt::format("{:<7} {}: {}", verify::word_for(check), check.rule, printable(check.evidence)));
  verify::require(checks, image.string());
}

/// Writes OUT.SHA256SUMS if it is the only file that is not right: an earlier run was killed before it wrote it.
void complete_checksums(const fs::path& image, const std::string& sha256) {
  bool others_are_right = true;
  bool is_right = true;
  for (const auto& check : verify::check_evidence(image, sha256, {}))
    (check.rule == "checksums" ? is_right : others_are_right) &= !check.failed();
  if (others_are_right && !is_right) evidence::write_checksums(image, sha256);
}

}  // namespace

ResignedImage resign_image(const fs::path& image, const std::string& private_pem, Environment& environment) try {
  auto& progress = environment.progress;
  if (!private_pem.empty()) signature::public_half(private_pem);  // throws before the work, not after it
  auto before = read_before(image);
  require_good({check_container(image)}, image, progress);
  const auto source = probe_source(image);
  const auto identity = identity_of(image);
  BackgroundDigests hashing({image});  // while the appliance starts
  const TemporaryDirectory scratch;
  auto session = open_scratch(source, scratch.path(), {}, environment);
  progress.step("hash the image");
  const auto sha256 = hashing.wait().front();
  const auto old_sha256 = before.manifest.at("product").at("sha256").get<std::string>();
  if (old_sha256 == sha256) {
    complete_checksums(image, sha256);
    return {false, before.manifest};
  }
  before.cyclonedx = read_cyclonedx(image, old_sha256, sha256);
  auto seen = look_at(*session, before, progress);
  require_good(seen.checks, image, progress);
  session.reset();

  evidence::Product product{
      image.filename().string(), source.data_size, source.footer.value().uuid, sha256, environment.launches(), {}};
  const auto packages = evidence::packages_after(before, seen.installed, seen.details);
  auto manifest = evidence::resigned_manifest(
      before, product, {verify::to_json(seen.checks), std::move(seen.files), evidence::to_json(packages)}, seen.kernel,
      output_time());
  progress.step("write the evidence");
  if (identity_of(image) != identity)
    throw Error(ErrorKind::failed, fmt::format("describing '{}' again: it changed meanwhile", image.string()),
                "stop the program that writes it, then run the command again");
  evidence::write_evidence(image, manifest, packages, private_pem);
  progress.step("done");
  return {true, std::move(manifest)};
} catch (const nlohmann::json::exception& error) {
  throw Error(ErrorKind::config, fmt::format("reading the documents of '{}': {}", image.string(), error.what()),
              "another program or another version of bake wrote the manifest or the CycloneDX document");
}

}  // namespace bake::job
