#include "bake/job/image.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <future>

#include "bake/apply/apply.hpp"
#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/base/time.hpp"
#include "bake/disk/copy.hpp"
#include "bake/disk/digest.hpp"
#include "bake/disk/footer.hpp"
#include "bake/disk/output.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/evidence/files.hpp"
#include "bake/evidence/manifest.hpp"
#include "bake/evidence/packages.hpp"
#include "bake/inspect/outside_modules.hpp"
#include "bake/job/content_key.hpp"
#include "bake/job/finished.hpp"
#include "bake/job/kernel.hpp"
#include "bake/job/known_digest.hpp"
#include "bake/job/plan.hpp"
#include "bake/job/secure_boot.hpp"
#include "bake/job/steps.hpp"
#include "bake/signature/signing.hpp"
#include "bake/verify/files.hpp"
#include "bake/verify/guest.hpp"
#include "bake/verify/privileges.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void check_base_pin(const recipe::Recipe& recipe, const SourceDisk& source, const std::string& digest) {
  if (!recipe.base.sha256.empty() && recipe.base.sha256 != digest)
    throw Error(ErrorKind::untrusted, fmt::format("checking base '{}': its sha256 is {}, the recipe pins {}",
                                                  source.path.string(), digest, recipe.base.sha256));
}

/// The files that a bake reads, hashed while the appliance starts: the base, then the payloads. The bundle is derived
/// from its payload again meanwhile.
class InputDigests {
 public:
  InputDigests(const recipe::Recipe& recipe, const SourceDisk& source, const resolve::SelectedDriver& driver,
               const Environment& environment)
      : recipe_(recipe),
        source_(source),
        driver_(driver),
        cache_(environment.cache),
        base_before_(Cache::settled_identity_of(source.path)),
        digests_(files_of(source, driver)) {
    if (driver.bundle) judge_again(*driver.bundle, environment.store);
    for (const auto& bundle : driver.kernel_bundles) judge_again(bundle, environment.store);
  }

  /// Waits for the base's digest and returns it. Throws Error{untrusted} when the recipe pins another one, or when a
  /// payload is not the one that the store verified when it added it: the evidence of the image names those digests.
  const std::string& check(Progress& progress) {
    const auto& found = digests_.wait(progress);
    check_base_pin(recipe_, source_, found.front());
    keep_digest(source_.path, base_before_, found.front(), cache_);
    auto next = found.begin() + 1;
    if (driver_.bundle) check_payload(driver_.bundle->name, *next++, driver_.bundle->payload_sha256);
    for (const auto& extras : driver_.extras) check_payload(extras.name, *next++, extras.payload_sha256);
    for (const auto& bundle : driver_.kernel_bundles) check_payload(bundle.name, *next++, bundle.payload_sha256);
    for (const auto& modules : driver_.built_modules)
      check_payload(modules.name, *next++, modules.payload_sha256,
                    Remedy{Remedy::Action::remove_modules, modules.id.substr(0, 12)});
    return found.front();
  }

  /// Waits for the end of the derivations, and returns the trust that holds now: in the bundle, then in the kernel
  /// bundles. Empty for one for which only the store's record vouches. Throws like Store::judge_again. Call it once.
  std::vector<std::optional<bundle::Trust>> trusts() {
    std::vector<std::optional<bundle::Trust>> found;
    for (auto& judging : judging_) found.push_back(judging.get());
    return found;
  }

 private:
  void judge_again(const bundle::Bundle& bundle, const store::Store& store) {
    judging_.push_back(std::async(std::launch::async, [&store, &bundle] {
      SilentProgress silent;
      return store.judge_again(bundle, silent);
    }));
  }

  static std::vector<fs::path> files_of(const SourceDisk& source, const resolve::SelectedDriver& driver) {
    auto files = driver.payloads();
    files.insert(files.begin(), source.path);
    return files;
  }

  const recipe::Recipe& recipe_;
  const SourceDisk& source_;
  const resolve::SelectedDriver& driver_;
  const Cache& cache_;
  std::optional<FileIdentity> base_before_;
  BackgroundDigests digests_;
  std::vector<std::future<std::optional<bundle::Trust>>> judging_;
};

/// The driver as the evidence describes it.
struct JudgedDriver {
  resolve::SelectedDriver driver;
  bool signer_checked = false;
  std::vector<bool> kernel_signers_checked = {};  ///< of each of driver.kernel_bundles
};

/// Returns the driver with the trust that holds now.
JudgedDriver judge(const resolve::SelectedDriver& driver, InputDigests& inputs) {
  JudgedDriver judged{driver};
  auto trusts = inputs.trusts();
  const auto take = [&](bundle::Bundle& bundle, std::optional<bundle::Trust>& trust) {
    if (trust) bundle.trust = std::move(*trust);
    return trust.has_value();
  };
  std::size_t next = 0;
  if (driver.bundle) judged.signer_checked = take(*judged.driver.bundle, trusts.at(next++));
  for (auto& bundle : judged.driver.kernel_bundles)
    judged.kernel_signers_checked.push_back(take(bundle, trusts.at(next++)));
  return judged;
}

/// The key of an image is over `driver`, the record of the store: `--if-needed` knows nothing else.
evidence::Origin origin_of(const recipe::Recipe& recipe, const SourceDisk& source, const std::string& base_sha256,
                           const resolve::SelectedDriver& driver, const JudgedDriver& judged, const guest::Facts& facts,
                           const Environment& environment) {
  evidence::Origin origin;
  origin.base_file = source.path.filename().string();
  origin.base_format = name_of(source.format);
  origin.base_sha256 = base_sha256;
  origin.base_pinned = !recipe.base.sha256.empty();
  origin.recipe_sha256 = digest_of_file(recipe.file);
  auto key = key_parts(recipe, driver, environment);
  key.base = base_sha256;
  origin.key = key_of(key);
  origin.matrix_sha256 = environment.matrix.digest();
  for (const auto& overlay : environment.matrix.overlays()) origin.matrix_overlays.push_back(overlay.string());
  origin.bundle = judged.driver.bundle ? &*judged.driver.bundle : nullptr;
  origin.signer_checked = judged.signer_checked;
  origin.extras = driver.extras;
  for (std::size_t i = 0; i < judged.driver.kernel_bundles.size(); ++i)
    origin.kernel_bundles.push_back({&judged.driver.kernel_bundles[i], judged.kernel_signers_checked[i]});
  origin.built_modules = driver.built_modules;
  origin.root_uuid = facts.root_uuid;
  origin.time = output_time();
  return origin;
}

void report_warnings(const plan::Plan& plan, Progress& progress) {
  for (const auto& warning : plan.warnings) progress.warn(warning);
}

struct Finished {
  plan::Plan plan;
  Json manifest;
  evidence::Findings findings;
  std::vector<evidence::ImagePackage> packages;
  std::string build_log;
};

void warn_of_advice(const std::vector<verify::Check>& checks, Progress& progress) {
  std::vector<std::string> rules;
  for (const auto& check : checks)
    if (check.advises()) rules.push_back(check.rule);
  if (!rules.empty())
    progress.warn(fmt::format("the base is not as Azure's image validators want it: {}; the manifest has the remedies",
                              join(rules, ", ")));
}

/// Starts the appliance on the copy, and reads the facts about its guest.
std::pair<std::unique_ptr<Session>, guest::Facts> open_guest(const SourceDisk& source, const fs::path& disk,
                                                             const resolve::SelectedDriver& driver,
                                                             InputDigests& inputs, Environment& environment) {
  try {
    environment.progress.step("start the appliance");
    auto session = environment.open_session({disk, "raw", source.path, driver.payloads(), driver.may_build()});
    environment.progress.step("inspect");
    auto facts = session->inspect();
    return {std::move(session), std::move(facts)};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::interrupted) inputs.check(environment.progress);  // a wrong input may be the reason
    throw;
  }
}

/// Writes the manifest again, with the privileges of the finished image, and returns it. The file stays the same, so
/// that it keeps the label that setfiles gave it.
Json complete_manifest(plan::Plan& plan, const evidence::Origin& origin, guest::Guest& guest) {
  plan.expectations.privileges = verify::find_privileges(guest);
  auto manifest = evidence::image_manifest(plan, origin);
  const auto stat = guest.stat(guest::manifest_path);
  if (!stat || stat->type != guest::FileType::regular || stat->links != 1)
    throw Error(ErrorKind::failed,
                fmt::format("writing '{}': a program of the guest replaced it", guest::manifest_path));
  guest.write(guest::manifest_path, manifest.dump(2) + "\n");
  return manifest;
}

/// Reads the details of the finished image's packages, for the SBOM.
guest::DetailsOfPackages read_details(guest::Guest& guest, const guest::Facts& facts, Progress& progress) {
  auto details = guest::read_package_details(guest, facts.family);
  if (details.empty() && facts.family == guest::Family::rpm && !facts.packages.packages.empty())
    progress.warn("the guest's rpm does not name the licences of its packages; the SBOM is without them");
  return details;
}

/// Does all work that needs the appliance, in one launch.
Finished work_on_guest(const recipe::Recipe& recipe, const SourceDisk& source, const fs::path& disk,
                       const resolve::SelectedDriver& driver, InputDigests& inputs,
                       const signature::ModuleSigner* signer, Environment& environment) {
  auto& progress = environment.progress;
  auto [session, facts] = open_guest(source, disk, driver, inputs, environment);
  const auto base_packages = facts.packages.packages;
  progress.step("check the digests of the base and the payloads");
  const auto& base_sha256 = inputs.check(progress);
  auto judged = judge(driver, inputs);
  progress.step("search the base for setuid files and keys");
  auto base_privileges = verify::find_privileges(session->guest());
  progress.step("plan");
  auto kernel = plan_kernel(recipe, driver, facts, environment);
  if (kernel && kernel->ok()) {
    facts = change_kernel(*kernel, *session, progress);
    progress.step("plan");
  }
  auto outcome = make_plan(recipe, driver, facts, environment, std::move(kernel));
  report_warnings(outcome.plan, progress);
  plan::require(outcome);
  require_space(outcome.plan, disk);
  outcome.plan.expectations.base_privileges = std::move(base_privileges);
  progress.plan_steps(guest_kind(recipe.os), steps_after_plan(outcome.plan));
  const auto origin = origin_of(recipe, source, base_sha256, driver, judged, facts, environment);
  if (outcome.plan.secure_boot)
    outcome.plan.secure_boot->base_modules =
        guest::base_modules(session->guest(), outcome.plan.family, outcome.plan.kernel());
  const auto applied = apply::apply(outcome.plan, session->guest(),
                                    evidence::image_manifest(outcome.plan, origin).dump(2) + "\n", progress, signer);
  if (outcome.plan.secure_boot) {
    outcome.plan.secure_boot->modules = applied.signed_modules;
    outcome.plan.expectations.secure_boot = plan::expected_state(*outcome.plan.secure_boot);
  }
  if (applied.built_initramfs) {
    outcome.plan.initramfs_leaves_out.clear();
    outcome.plan.initramfs_adds.clear();
  }
  progress.step("search the image for setuid files and keys");
  auto manifest = complete_manifest(outcome.plan, origin, session->guest());
  progress.step("verify");
  const auto finished = session->inspect();
  const auto& expected = outcome.plan.expectations;
  const auto checks = check_guest(*session, finished, expected, *expected.privileges);
  for (const auto& check : checks)
    progress.detail(fmt::format("{:<7} {}: {}", verify::word_for(check), check.rule, printable(check.evidence)));
  verify::require(checks, recipe.name);
  warn_of_advice(checks, progress);
  progress.step("record the packages and the files");
  auto packages =
      evidence::image_packages(finished.packages.packages, read_details(session->guest(), finished, progress),
                               base_packages, outcome.plan, judged.driver, recipe.customize.packages);
  auto files = verify::record_files(session->guest(), outcome.plan);
  progress.step("trim and shut down");
  session->finish();
  return {outcome.plan,
          std::move(manifest),
          {verify::to_json(checks), std::move(files), evidence::to_json(packages)},
          std::move(packages),
          applied.build_log};
}

/// Writes the log of a build of modules next to the output, or removes that of an earlier bake.
void keep_build_log(const fs::path& output, const std::string& log) {
  const auto file = sidecar_of(output, Sidecar::build_log);
  if (log.empty()) {
    fs::remove(file);
    return;
  }
  std::string text;  // the guest wrote the log
  for (const auto line : each_line(log)) text += printable(line) + "\n";
  write_text_atomically(file, text);
}

/// Keeps the digest of the published output for `--if-needed`. The new name changed its ctime, nothing else.
void keep_output_digest(const fs::path& output, const std::optional<FileIdentity>& hashed, const std::string& sha256,
                        const Cache& cache) {
  const auto now = Cache::settled_identity_of(output);
  if (!hashed || !now) return;
  auto expected = *hashed;
  expected.ctime_ns = now->ctime_ns;
  if (*now == expected) keep_digest(output, now, sha256, cache);
}

/// Returns one error for two refusals, so that a person can fix both at once. Its kind is the worse of the two; it has
/// the hints and remedies of both.
Error joined(const Error& first, const Error& second) {
  std::vector<std::string> hints;
  for (const auto* error : {&first, &second})
    if (!error->hint().empty() && std::find(hints.begin(), hints.end(), error->hint()) == hints.end())
      hints.push_back(error->hint());
  auto remedies = first.remedies();
  remedies.insert(remedies.end(), second.remedies().begin(), second.remedies().end());
  const auto kind = worst_status({static_cast<int>(first.kind()), static_cast<int>(second.kind())});
  return {static_cast<ErrorKind>(kind), fmt::format("{}; and {}", first.message(), second.message()), join(hints, "; "),
          std::move(remedies)};
}

}  // namespace

OpenedJob open_job(const recipe::Recipe& recipe, Environment& environment) {
  std::optional<SourceDisk> source;
  try {
    source = open_source(recipe.base.path);
    return {*source, select_driver(recipe, environment)};
  } catch (const Error& error) {
    if (source || error.kind() == ErrorKind::interrupted) throw;
    try {
      select_driver(recipe, environment);
    } catch (const Error& another) {
      if (another.kind() == ErrorKind::interrupted) throw;
      throw joined(error, another);
    }
    throw;
  }
}

void require_space(const plan::Plan& plan, const fs::path& disk) {
  std::uint64_t bytes = 0;
  for (const auto& need : plan.space) bytes += need.needed;
  require_free_space(disk, bytes, fmt::format("what '{}' adds to the disk", plan.recipe));
}

BakedImage bake_image(const recipe::Recipe& recipe, const fs::path& output, bool force, Environment& environment,
                      const std::string& private_pem) {
  auto& progress = environment.progress;
  require_vhd_name(output);
  if (!private_pem.empty()) signature::public_half(private_pem);  // throws before the work, not after it
  const auto signer = open_signer(recipe);
  OutputFile file(output, force, {recipe.base.path, recipe.file});
  const auto [source, driver] = open_job(recipe, environment);
  // Space for the packages in the copy of the base.
  constexpr std::uint64_t growth = std::uint64_t{1} << 30U;
  require_free_space(file.path(), space_needed(source) + growth, fmt::format("the copy of '{}'", source.path.string()));

  progress.plan_steps(guest_kind(recipe.os), steps_of_bake(recipe));
  InputDigests inputs(recipe, source, driver, environment);
  copy_to_raw(source, file.file(), file.path(), progress);
  const auto finished =
      work_on_guest(recipe, source, file.path(), driver, inputs, signer ? &*signer : nullptr, environment);

  progress.step("write the VHD footer");
  const auto manifest_text = finished.manifest.dump();
  const auto uuid = uuid_from(manifest_text);
  file.append_footer(make_fixed_footer(source.data_size, output_time(), uuid));
  progress.step("hash the output");
  const auto hashed = Cache::settled_identity_of(file.path());
  evidence::Product product{output.filename().string(),
                            source.data_size,
                            uuid,
                            digest_of_disk(file.path(), progress),
                            environment.launches(),
                            {}};
  if (!is_time_given())
    for (const auto& step : environment.progress.steps()) product.timings.emplace_back(step.name, step.seconds());
  BakedImage result{output, sidecar_of(output, Sidecar::manifest),
                    evidence::product_manifest(finished.manifest, product, finished.findings), finished.plan};
  file.sync();
  // The evidence first, so that an image under its final name always has it. Its digests name this image.
  keep_build_log(output, finished.build_log);
  evidence::write_evidence(output, result.manifest, finished.packages, private_pem);
  file.publish();
  keep_output_digest(output, hashed, product.sha256, environment.cache);
  progress.step("done");
  return result;
}

plan::Inputs inputs_of_image(const recipe::Recipe& recipe, Environment& environment) {
  auto& progress = environment.progress;
  const auto [source, driver] = open_job(recipe, environment);
  progress.plan_steps(guest_kind(recipe.os), {"start the appliance", "inspect", "plan"});
  std::optional<KnownDigest> base;
  if (!recipe.base.sha256.empty()) base.emplace(source.path, environment);
  const auto check_base = [&, &source = source] {
    if (base) check_base_pin(recipe, source, base->wait(progress));
  };
  guest::Facts facts;
  try {
    facts = read_facts(source, environment);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::interrupted) check_base();
    throw;
  }
  check_base();
  progress.step("plan");
  auto kernel = plan_kernel(recipe, driver, facts, environment);
  if (kernel && kernel->ok()) {
    facts = facts_after(*kernel, source, driver, environment);
    progress.step("plan");
  }
  return plan_inputs(recipe, driver, facts, environment, std::move(kernel));
}

plan::Outcome plan_image(const recipe::Recipe& recipe, Environment& environment) {
  return plan::make(inputs_of_image(recipe, environment));
}

}  // namespace bake::job
