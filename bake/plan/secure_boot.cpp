#include "bake/plan/secure_boot.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/base64.hpp"
#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"
#include "bake/plan/plan.hpp"
#include "bake/plan/steps.hpp"

namespace bake::plan {
namespace {

using Json = nlohmann::ordered_json;

/// What a user without keys for the firmware can do.
constexpr const char* without_keys =
    "use 'ofed: inbox', whose modules the distribution signs, or enroll the certificate on each VM as a machine owner "
    "key (mokutil --import; the console of the VM must answer at its next start, which Azure does not allow)";

class Planner {
 public:
  Planner(const Inputs& inputs, Outcome& outcome) : in_(inputs), out_(outcome) {}

  void run() {
    const auto& trust = *in_.module_trust;
    SecureBoot plan;
    plan.certificates = trust.certificates;
    plan.signs = trust.signs;
    check_disk();
    check_kernel(plan);
    add_groups(plan);
    out_.plan.secure_boot = std::move(plan);
  }

 private:
  void refuse(std::string message, std::string hint) {
    out_.refusals.push_back({ErrorKind::incompatible, {"secure_boot", std::move(message), std::move(hint), {}}});
  }

  void check_disk() {
    if (!in_.facts.layout.efi)
      refuse("the disk has no EFI system partition, and Secure Boot needs generation 2",
             "start from a base of generation 2");
  }

  void check_kernel(SecureBoot& plan) {
    const auto& release = out_.plan.kernel();
    const auto& row = in_.module_trust->kernel;
    if (!row) {
      refuse(
          fmt::format("the matrix does not say whether kernel {} of {} {} loads modules that a key of the firmware "
                      "signed",
                      release, in_.facts.os.id, in_.facts.os.version),
          fmt::format("{}; or add a row of 'secure_boot' for a kernel that you have tested (--matrix)", without_keys));
      return;
    }
    plan.keyring = row->keyring;
    plan.source = row->provenance.source;
    plan.form = signature::module_form_from(row->signature).value_or(signature::ModuleForm::cms);
    if (row->accepts == "no") refuse(fmt::format("kernel {}: {}", release, row->note), row->remedy);
    if (row->accepts == "unproven")
      out_.plan.warnings.push_back(fmt::format("secure_boot: it is not proven that kernel {} loads the modules: {}; {}",
                                               release, row->note, row->remedy));
    const auto* kernel = in_.facts.kernel(release);
    plan.hash = kernel == nullptr ? "" : kernel->module_hash;
    if (kernel != nullptr && !signature::is_module_hash(plan.hash))
      refuse(plan.hash.empty()
                 ? fmt::format("the configuration of kernel {} does not say that it checks modules "
                               "(CONFIG_MODULE_SIG_HASH)",
                               release)
                 : fmt::format("kernel {} checks modules with {}, with which bake does not sign", release, plan.hash),
             "use the kernel of the distribution, with its file /boot/config-" + release);
  }

  [[nodiscard]] bool keeps(const std::string& signer) const {
    const auto& certificates = in_.module_trust->certificates;
    return !signer.empty() && std::any_of(certificates.begin(), certificates.end(), [&](const auto& each) {
      return each.name == signer || each.legacy_name == signer;
    });
  }

  void add_group(SecureBoot& plan, const std::string& signer, std::vector<std::string> modules, std::string from) {
    const bool kept = keeps(signer);
    plan.groups.push_back(
        {signer, std::move(modules), std::move(from), kept ? "keeps" : (plan.signs ? "signs" : "cannot sign")});
    // The verification judges modules that can be read only after their installation.
    if (kept || plan.signs || plan.groups.back().modules.empty()) return;
    const auto& group = plan.groups.back();
    refuse(fmt::format("{} of {} {}, and the recipe names no key to sign with", counted_modules(group.modules.size()),
                       group.from, signer.empty() ? "without a signature" : "with a signature by " + signer),
           "write 'sign_with' below 'secure_boot'");
  }

  void add_groups(SecureBoot& plan) {
    const auto& changes = out_.plan.changes;
    if (!in_.customization.empty() ||
        std::any_of(changes.begin(), changes.end(), [](const auto& change) { return change.is_extra(); }))
      add_group(plan, "", {}, "extra packages and 'customize'");
    const auto& modules = in_.resolution.new_modules;
    if (!replaces_modules(out_.plan.fit)) return;
    for (const auto& [signer, names] : modules.prebuilt)
      add_group(plan, signer, {names.begin(), names.end()}, "the bundle");
    if (!modules.built.empty()) add_group(plan, "", {modules.built.begin(), modules.built.end()}, "DKMS");
    if (!modules.unreadable.empty())
      add_group(plan, "", {}, join({modules.unreadable.begin(), modules.unreadable.end()}, ", "));
  }

  const Inputs& in_;
  Outcome& out_;
};

Json certificates_json(const std::vector<signature::Certificate>& certificates) {
  auto list = Json::array();
  for (const auto& certificate : certificates)
    list.push_back(
        {{"subject", certificate.subject}, {"sha256", certificate.sha256}, {"base64", to_base64(certificate.der)}});
  return list;
}

}  // namespace

void plan_secure_boot(const Inputs& inputs, Outcome& outcome) {
  if (inputs.module_trust) Planner(inputs, outcome).run();
}

SecureBootState expected_state(const SecureBoot& secure_boot) {
  SecureBootState state{secure_boot.certificates, secure_boot.hash, secure_boot.form, {}};
  for (const auto& [path, module] : secure_boot.modules) state.modules[path] = module.after;
  return state;
}

Json to_json(const SecureBoot& secure_boot) {
  auto groups = Json::array();
  for (const auto& group : secure_boot.groups)
    groups.push_back(
        {{"signed_by", group.signer}, {"from", group.from}, {"modules", group.modules}, {"bake", group.bake}});
  Json json{{"certificates", certificates_json(secure_boot.certificates)},
            {"signs", secure_boot.signs},
            {"hash", secure_boot.hash},
            {"form", signature::name_of(secure_boot.form)},
            {"keyring", secure_boot.keyring},
            {"source", secure_boot.source},
            {"groups", groups}};
  for (const auto& [path, module] : secure_boot.modules) {
    json["modules"][path] = {{"before", module.before}, {"after", module.after}};
    if (!module.signer.empty()) json["modules"][path]["replaced"] = module.signer;
  }
  return json;
}

Json to_json(const SecureBootState& state) {
  return {{"certificates", certificates_json(state.certificates)},
          {"hash", state.hash},
          {"form", signature::name_of(state.form)},
          {"modules", state.modules}};
}

SecureBootState secure_boot_state_from(const nlohmann::json& json) {
  SecureBootState state;
  for (const auto& certificate : json.at("certificates")) {
    const auto der = from_base64(certificate.at("base64").get<std::string>());
    state.certificates.push_back(
        signature::read_certificate(der.value_or(""), certificate.at("subject").get<std::string>()));
  }
  json.at("hash").get_to(state.hash);
  const auto form = signature::module_form_from(json.at("form").get<std::string>());
  if (!form) throw Error(ErrorKind::config, "reading the expectations of a manifest: unknown form of a signature");
  state.form = *form;
  json.at("modules").get_to(state.modules);
  return state;
}

std::vector<std::string> to_lines(const SecureBoot& secure_boot) {
  std::vector<std::string> lines;
  const auto& certificates = secure_boot.certificates;
  for (const auto& group : secure_boot.groups) {
    const auto what = group.modules.empty()
                          ? "modules of " + group.from
                          : fmt::format("{} ({})", counted_modules(group.modules.size()), join(group.modules, ", "));
    auto line = fmt::format("{}, from {}, {}: ", what, group.from,
                            group.signer.empty() ? "without a signature" : "signed by " + group.signer);
    if (group.modules.empty()) line = fmt::format("{}, signer not known yet: ", what);
    line += group.bake == "signs"
                ? fmt::format("bake signs what no key of 'certificates' signed, with {} ({}, {})",
                              certificates.front().subject, secure_boot.hash, signature::name_of(secure_boot.form))
                : fmt::format("bake {} them", group.bake);
    lines.push_back(std::move(line));
  }
  if (!secure_boot.keyring.empty())
    lines.push_back(fmt::format("the kernel has the certificates of the firmware in {} ({})", secure_boot.keyring,
                                secure_boot.source));
  for (const auto& certificate : certificates)
    lines.push_back(fmt::format("the version in the gallery must carry {} in db, sha256 {}", certificate.subject,
                                certificate.sha256));
  return lines;
}

}  // namespace bake::plan
